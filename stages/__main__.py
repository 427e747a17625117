"""`make run`: the whole pipeline, on simulated recordings where UCI HAR is out of reach.

`dvc repro` alone never swaps the data set; this does, in plain words.
"""

import json
import re
import subprocess
import sys

from har.data.archive import ArchiveUnavailable
from har.errors import HarError
from har.files import replacing_file
from har.params import Params
from stages.common import PARAMS, read_metrics, run
from stages.download import fetch, holds_published

SWAP = """
UCI HAR is neither in a local archive nor can it be downloaded from its publisher:
  {reason}
The pipeline now runs on SIMULATED recordings instead. They show that everything works; a score on
them says nothing about people. `dataset.names` in params.yaml becomes `[simulated]`. To come back,
set it to `[uci_har]` there and `make run`, with the archive at hand (docs/data.md, "Using your own
copy").
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
    if status.returncode:
        raise HarError(f"`dvc status` failed: {' '.join(status.stderr.split())}")
    return json.loads(status.stdout or "{}") == {} or holds_published("uci_har")


def choose_simulated() -> None:
    """Set `dataset.names` in params.yaml, and leave the rest of the file as it is written."""
    text = PARAMS.read_text()
    changed = re.sub(
        r"(?m)^(dataset:.*\n(?:\s.*\n)*?\s+names:[\s\[-]*)uci_har\b", r"\1simulated", text
    )
    with replacing_file(PARAMS) as partial:
        partial.write_text(changed)
    if Params.read(PARAMS).dataset.names != ["simulated"]:
        raise HarError(f"{PARAMS}: set dataset.names to [simulated] by hand, then `make run` again")


def main(params: Params) -> None:
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
