"""Put the model of the pipeline here into the package, with a note of what made it.

`make release` does so in anyone/. The model must be that of dvc.lock, and dvc.lock must be
committed, so that the commit in the note makes it again.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from har import yaml
from har.errors import HarError, in_one_line
from har.files import replacing_folder
from har.model.bundle import DESCRIPTION, MODEL, RELEASED, digest, load
from stages.common import BUNDLE, LOCK, METRICS, TEST, project_root
from stages.reports import read_metrics
from tools.git import git
from tools.report import CARD, md5, up

NOTE = "release.json"


def main() -> None:
    """Copy the model, its card and a note of its making into the package."""
    locked = _locked()
    for path in (BUNDLE / DESCRIPTION, BUNDLE / MODEL, METRICS, TEST):
        if not path.is_file() or md5(path) != locked.get(str(path)):
            raise HarError(f"{path} is not what dvc.lock says: run `dvc repro` and commit")
    if git("status", "--porcelain", str(LOCK)):
        raise HarError(f"{LOCK} has changes that are not committed: commit them first")
    bundle, metrics, card = load(BUNDLE), read_metrics(), _card()
    note = {
        "commit": git("log", "-1", "--format=%H", "--", str(LOCK)),
        "pipeline": Path.cwd().relative_to(project_root()).as_posix(),
        "command": "dvc repro",
        "dataset": bundle.description.training.dataset,
        "dataset_digest": bundle.description.training.dataset_digest,
        "test_accuracy": metrics["test"]["accuracy"],
        "md5": {name: md5(BUNDLE / name) for name in (DESCRIPTION, MODEL)},
    }
    with replacing_folder(RELEASED) as folder:
        for name in (DESCRIPTION, MODEL):
            shutil.copyfile(BUNDLE / name, folder / name)
        (folder / CARD.name).write_text(card, encoding="utf-8")
        (folder / NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
        folder.chmod(0o755)
    print(f"{RELEASED}: the model of commit {note['commit'][:10]}")


def _card() -> str:
    """The model's card, its links as they are from the folder in the package."""
    try:
        text = CARD.read_text("utf-8")
    except FileNotFoundError:
        raise HarError(f"{CARD} is not there: run `make report`") from None
    if digest(BUNDLE) not in text:
        raise HarError(f"{CARD} is of another model: run `make report`")
    return text.replace(f"]({up()}", "](../../")


def _locked() -> dict[str, str]:
    """The digest of every output that dvc.lock names."""
    try:
        stages: dict[str, Any] = yaml.read(LOCK)["stages"]
    except (HarError, OSError, KeyError, TypeError):
        raise HarError(f"{LOCK} is not there or damaged: run `dvc repro`") from None
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}


if __name__ == "__main__":
    with in_one_line():
        main()
