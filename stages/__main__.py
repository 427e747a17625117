"""`make run`: the whole pipeline, on simulated recordings where UCI HAR is not to be had.

`dvc repro` alone never swaps the data set; this does, in plain words.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from har import archive
from har.datasets import uci_har
from har.errors import HarError
from har.files import replacing_file
from har.params import Params
from stages.common import METRICS, PARAMS, run
from stages.download import downloads, local_archives

SWAP = """
UCI HAR is neither in a local archive nor to be had from its publisher:
  {reason}
The pipeline now runs on SIMULATED recordings instead. They show that everything works; a score on
them says nothing about people. `dataset.name` in params.yaml becomes `simulated`. To come back,
with the archive at hand (README, "The data by hand"):
  git checkout params.yaml && make run
"""


def dvc(*arguments: str) -> None:
    """Run DVC, whose messages the person sees, and end with its exit code if it fails."""
    status = subprocess.run([sys.executable, "-m", "dvc", *arguments], check=False).returncode
    if status:
        sys.exit(status)


def raw_data_is_current() -> bool:
    """Whether `dvc repro` has no need of the archive."""
    command = [sys.executable, "-m", "dvc", "status", "--json", "download"]
    status = subprocess.run(command, capture_output=True, text=True, check=False)
    return status.returncode == 0 and json.loads(status.stdout or "{}") == {}


def choose_simulated() -> None:
    """Set `dataset.name` in params.yaml, and leave the rest of the file as it is written."""
    text = PARAMS.read_text()
    changed = re.sub(r"(?m)^(dataset:.*\n(?:\s.*\n)*?\s+name:\s*)uci_har\b", r"\1simulated", text)
    with replacing_file(PARAMS) as partial:
        partial.write_text(changed)
    if Params.read(PARAMS).dataset.name != "simulated":
        raise HarError(f"{PARAMS}: set dataset.name to simulated by hand, then `make run` again")


def main(params: Params) -> None:
    if params.dataset.name == "uci_har" and not raw_data_is_current():

        def check(path: Path) -> None:
            archive.check(path, uci_har.FILES)

        try:
            archive.obtain(uci_har.ARCHIVES, check, local_archives(), downloads())
        except archive.ArchiveUnavailable as error:
            print(SWAP.format(reason=str(error).replace("; ", "\n  ")), flush=True)
            choose_simulated()
    dvc("repro")
    report()


def report() -> None:
    """Say what came out, and where."""
    try:
        metrics = json.loads(METRICS.read_text())
        test = metrics["test"]
        print(
            f"\n{metrics['dataset']}: accuracy {test['accuracy']:.2%}, macro F1 {test['f1']:.4f} "
            f"on the test subjects.\nreports/ has scores and figures, models/ the recogniser; "
            "`make mlflow` shows the runs."
        )
    except (OSError, ValueError, KeyError) as error:
        raise HarError(
            f"{METRICS} cannot be read ({error}); run `dvc repro --force evaluate`"
        ) from None


if __name__ == "__main__":
    if not PARAMS.exists():
        sys.exit("error: params.yaml is not here: run `make run` in the project's folder")
    run(main)
