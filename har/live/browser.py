"""The page as a folder of static files that recognises by itself."""

import json
import shutil
from pathlib import Path

from har.errors import HarError
from har.files import replacing_folder
from har.live.javascript import RECOGNIZER, RUNTIME, for_javascript
from har.live.server import STATIC, configuration
from har.model.bundle import MODEL, Bundle

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
"""The page may load nothing from elsewhere and send nothing there."""


def assemble(bundle: Bundle, folder: Path, recordings: Path | None = None) -> None:
    """Write the folder; any static server can serve it, under any path.

    Args:
        bundle: The trained model.
        folder: Where to; what an earlier call wrote there is replaced.
        recordings: A folder whose CSV files the page is to replay.

    Raises:
        HarError: ONNX Runtime Web is not there, or the folder holds something else.
    """
    if folder.exists() and not (folder / RECOGNIZER).is_file():
        raise HarError(f"{folder} is there and not of this command's making: name another folder")
    runtime = runtime_folder()
    tables = [] if recordings is None else sorted(recordings.glob("*.csv"))
    with replacing_folder(folder) as partial:
        (partial / MODEL).write_bytes(bundle.model)
        description = json.dumps(for_javascript(bundle.description), indent=1)
        (partial / RECOGNIZER).write_text(description + "\n", encoding="utf-8")
        shutil.copytree(STATIC, partial, dirs_exist_ok=True)
        page = partial / "index.html"
        page.write_text(with_policy(page.read_text(encoding="utf-8")), encoding="utf-8")
        (partial / "onnxruntime").mkdir()
        for name in RUNTIME:
            shutil.copyfile(runtime / name, partial / "onnxruntime" / name)
        if tables:
            (partial / "recordings").mkdir()
        for path in tables:
            shutil.copyfile(path, partial / "recordings" / path.name)
        config = configuration(bundle.description, [path.stem for path in tables] or None)
        config |= {"recognition": "browser"}
        (partial / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        partial.chmod(0o755)  # for a web server, which may be another user


def with_policy(page: str) -> str:
    """The page with the policy that a server would send beside it."""
    head = "<head>\n"
    if page.count(head) != 1:
        raise HarError(f"{STATIC / 'index.html'}: should have one line <head>")
    tag = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
    return page.replace(head, head + tag)


def runtime_folder() -> Path:
    """The folder of ONNX Runtime Web, in the version that package.json names.

    Raises:
        HarError: It is not there, or in another version.
    """
    wanted = json.loads((HERE / "package.json").read_bytes())["dependencies"]["onnxruntime-web"]
    package = PACKAGES / "onnxruntime-web"
    install = f"run `npm ci` in {HERE}"
    try:
        version = json.loads((package / "package.json").read_bytes())["version"]
    except (OSError, ValueError, KeyError):
        raise HarError(f"onnxruntime-web {wanted} is not in {PACKAGES}: {install}") from None
    if version != wanted:
        raise HarError(f"{PACKAGES} has onnxruntime-web {version}, not {wanted}: {install}")
    return package / "dist"
