"""The page as a folder of static files that recognises by itself."""

import hashlib
import json
import shutil
from pathlib import Path

from har.errors import HarError
from har.files import replacing_folder
from har.live.guard import policy
from har.live.javascript import RECOGNIZER, for_javascript
from har.live.server import STATIC, configuration
from har.model.bundle import MODEL, Bundle

WORKER = "service-worker.js"


def assemble(bundle: Bundle, folder: Path, recordings: Path | None = None) -> None:
    """Write the folder; any static server can serve it, under any path.

    Args:
        bundle: The trained model.
        folder: Where to; what an earlier call wrote there is replaced.
        recordings: A folder whose CSV files the page is to replay.

    Raises:
        HarError: The folder holds something else.
    """
    if folder.exists() and not (folder / RECOGNIZER).is_file():
        raise HarError(f"{folder} is there and not of this command's making: name another folder")
    tables = [] if recordings is None else sorted(recordings.glob("*.csv"))
    with replacing_folder(folder) as partial:
        (partial / MODEL).write_bytes(bundle.model)
        description = json.dumps(for_javascript(bundle.description), indent=1)
        (partial / RECOGNIZER).write_text(description + "\n", encoding="utf-8")
        shutil.copytree(STATIC, partial, dirs_exist_ok=True)
        page = partial / "index.html"
        page.write_text(with_policy(page.read_text(encoding="utf-8")), encoding="utf-8")
        config = configuration(bundle.description, [path.stem for path in tables] or None)
        config |= {"recognition": "browser"}
        (partial / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        _list_files(partial)
        if tables:
            (partial / "recordings").mkdir()
        for path in tables:
            shutil.copyfile(path, partial / "recordings" / path.name)
        partial.chmod(0o755)  # for a web server, which may be another user


def _list_files(folder: Path) -> None:
    """Tell the service worker what to keep, and by its digest whether that has changed."""
    names = sorted(path.name for path in folder.iterdir() if path.name != WORKER)
    digest = hashlib.sha256()
    for name in names:
        digest.update((folder / name).read_bytes())
    worker = folder / WORKER
    made = {"version": digest.hexdigest()[:16], "files": names}
    script = worker.read_text(encoding="utf-8")
    worker.write_text(f"const KEPT = {json.dumps(made)};\n{script}", encoding="utf-8")


def with_policy(page: str) -> str:
    """The page with the policy that a server would send beside it."""
    head = "<head>\n"
    if page.count(head) != 1:
        raise HarError(f"{STATIC / 'index.html'}: should have one line <head>")
    tag = f'<meta http-equiv="Content-Security-Policy" content="{policy()}">\n'
    return page.replace(head, head + tag)
