"""`make run`: the whole pipeline, on simulated recordings where UCI HAR is out of reach.

`dvc repro` alone never swaps the data set; this does, in plain words. It also says in one line what
DVC lacks to work in this folder.
"""

import getpass
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from har.data.archive import ArchiveUnavailable
from har.errors import HarError
from har.files import replacing_file
from har.params import Params
from stages.common import LOCK, PARAMS, run
from stages.download import fetch, holds_published
from stages.reports import read_metrics

SWAP = """
UCI HAR is neither in a local archive nor can it be downloaded from its publisher:
  {reason}
The pipeline now runs on SIMULATED recordings instead. They show that everything works; a score on
them says nothing about people. `dataset.names` in params.yaml becomes `[simulated]`. To come back,
set it to `[uci_har]` there and `make run`, with the archive at hand (docs/data.md, "Using your own
copy").
"""


def prepare() -> None:
    """Give DVC what it would otherwise end without, in a line that does not say what to do.

    Raises:
        HarError: The folder cannot be written to, is in no git repository, or the person has no
            home folder.
    """
    here = Path.cwd()
    if not os.access(here, os.W_OK):
        raise HarError(f"{here} cannot be written to: copy the project to a folder of yours")
    if not any((folder / ".git").exists() for folder in (here, *here.parents)):
        from dvc.config import Config  # type: ignore[import-untyped]

        if not Config.from_cwd()["core"].get("no_scm"):
            raise HarError(f"{here} is in no git repository, which DVC needs: `git init` there")
    try:
        Path.home()
    except RuntimeError:
        raise HarError("there is no home folder, which DVC needs: `export HOME=FOLDER`") from None
    try:
        getpass.getuser()
    except (KeyError, OSError):  # a container's user may be a number alone
        os.environ["USER"] = str(os.getuid())
    os.environ["PYTHONUTF8"] = "1"  # names of folders and texts are UTF-8 in every locale
    check_lock()
    check_holders()


def check_lock() -> None:
    """Name the way back where DVC was killed while it wrote dvc.lock: it reads it no more.

    Raises:
        HarError: The file is cut off or empty.
    """
    from dvc.exceptions import DvcException  # type: ignore[import-untyped]
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA  # type: ignore[import-untyped]
    from dvc.utils.strictyaml import load  # type: ignore[import-untyped]

    if not LOCK.exists():
        return
    try:
        load(str(LOCK), COMPILED_LOCKFILE_SCHEMA)
    except DvcException:
        command = ["git", "cat-file", "-e", f"HEAD:./{LOCK}"]
        held = subprocess.run(command, capture_output=True, check=False).returncode == 0
        way = f"`git checkout {LOCK}` brings the committed one back" if held else f"`rm {LOCK}`"
        raise HarError(
            f"{LOCK} is damaged, as where DVC was killed while it wrote it: {way}; then `make run`"
        ) from None


def check_holders() -> None:
    """As `check_lock`, for the file in which DVC notes which process is at work on what.

    Raises:
        HarError: The file is cut off or empty.
    """
    from dvc.rwlock import RWLOCK_FILE  # type: ignore[import-untyped]

    here = Path.cwd()
    for folder in (here, *here.parents):
        holders = folder / ".dvc" / "tmp" / RWLOCK_FILE
        try:
            json.loads(holders.read_bytes())
        except FileNotFoundError:
            continue
        except ValueError:
            path = os.path.relpath(holders)
            raise HarError(
                f"{path} is damaged, as where DVC was killed while it wrote it: if no other DVC "
                f"works here, `rm {path}`; then `make run`"
            ) from None


def dvc(*arguments: str) -> None:
    """Run DVC, whose messages the person sees, and end with its exit code if it fails."""
    status = subprocess.run([sys.executable, "-m", "dvc", *arguments], check=False).returncode
    if status:
        sys.exit(status)


def raw_data_is_current() -> bool:
    """Whether `dvc repro` has no need of the archive."""
    command = [sys.executable, "-m", "dvc", "status", "--json", "download"]
    status = subprocess.run(command, capture_output=True, text=True, check=False)
    if status.returncode:
        raise HarError(f"`dvc status` failed: {' '.join(status.stderr.split())}")
    return json.loads(status.stdout or "{}") == {} or holds_published("uci_har")


def choose_simulated() -> None:
    """Set `dataset.names` in params.yaml, and leave the rest of the file as it is written."""
    text = PARAMS.read_text(encoding="utf-8")
    changed = re.sub(
        r"(?m)^(dataset:.*\n(?:\s.*\n)*?\s+names:[\s\[-]*)uci_har\b", r"\1simulated", text
    )
    with replacing_file(PARAMS) as partial:
        partial.write_text(changed, encoding="utf-8")
    if Params.read(PARAMS).dataset.names != ["simulated"]:
        raise HarError(f"{PARAMS}: set dataset.names to [simulated] by hand, then `make run` again")


def main(params: Params) -> None:
    prepare()
    if params.dataset.names == ["uci_har"] and not raw_data_is_current():
        try:
            # Where the stage would put it: it finds it there, and need not unpack it again.
            fetch("uci_har", params)
        except ArchiveUnavailable as error:
            print(SWAP.format(reason=str(error).replace("; ", "\n  ")), flush=True)
            choose_simulated()
    dvc("repro")
    report()


def report() -> None:
    """Say what came out, and where."""
    metrics = read_metrics()
    test = metrics["test"]
    print(
        f"\n{metrics['dataset']}: accuracy {test['accuracy']:.2%}, macro F1 {test['f1']:.4f} "
        f"on the test subjects.\nreports/ has scores and figures, models/ the recogniser; "
        "`make mlflow` shows the runs."
    )


if __name__ == "__main__":
    if not PARAMS.exists():
        sys.exit("error: params.yaml is not here: run `make run` in the project's folder")
    if sys.argv[1:]:
        sys.exit("error: this runs DVC, which reads params.yaml; set it there, or `dvc exp run -S`")
    run(main)
