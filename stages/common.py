"""What every stage script shares: where files lie, and how a script starts and fails."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from har.errors import in_one_line
from har.params import OWN as OWN  # for the stages, with the other files below
from har.params import RAW as RAW
from har.params import Params

PARAMS, LOCK = Path("params.yaml"), Path("dvc.lock")

SETTINGS = Path("data/settings.txt")
WINDOWS = Path("data/windows.npz")
NORMALIZED = Path("data/normalized.npz")
WEIGHTS = Path("models/weights.safetensors")
BUNDLE = Path("models")
HISTORY = Path("reports/history.csv")
METRICS = Path("reports/metrics.json")
TEST = Path("reports/test.json")
PREDICTIONS = Path("reports/predictions.csv")
PER_CLASS = Path("reports/per_class.csv")
PER_SUBJECT = Path("reports/per_subject.csv")
FIGURES = Path("reports/figures")
DATA_FIGURES = (
    "activity_distribution",
    "sensor_signals",
    "time_series_patterns",
    "correlation_heatmap",
)
MODEL_FIGURES = ("training_loss", "accuracy_curves", "confusion_matrix", "model_performance")
FIGURE_NAMES = DATA_FIGURES + MODEL_FIGURES

BACK = (
    "DVC removed this stage's results before it began; if they were made here, with the former "
    "settings `dvc repro` takes them from its cache"
)
"""How to come back after a stage failed in the person's own checkout."""


def project_root() -> Path:
    """The person's checkout, also where DVC works in a temporary copy of it, or in anyone/."""
    root = Path(os.environ.get("DVC_ROOT") or ".").absolute()
    return root.parent if (root.parent / "stages").is_dir() else root


def run(main: Callable[[Params], None]) -> None:
    """Run a stage with the settings of `params.yaml` and the command line.

    What a user can cause ends in one line on standard error and exit code 1.
    """
    # As with Ctrl-C, temporary files are cleared away before the script ends.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under `nohup`
            signal.signal(number, lambda ended, _: sys.exit(128 + ended))
    if "DVC_STAGE" in os.environ:
        _end_with_dvc()
    after = f". {BACK}" if _results_removed() else ""
    interrupted = "interrupted" + (after or "; no file is half-written")
    try:
        with in_one_line(interrupted):
            try:
                main(Params.read(PARAMS, sys.argv[1:]))
            except (MemoryError, RuntimeError) as error:
                if isinstance(error, RuntimeError) and "memory" not in str(error):
                    raise
                sys.exit("error: not enough memory; lower model.hidden_size or train.batch_size")
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.exit(ended.code + after)
        raise


def _results_removed() -> bool:
    """Whether DVC runs this, and has removed results in the person's own checkout for it."""
    stage = os.environ.get("DVC_STAGE", "settings")
    return stage != "settings" and Path(os.environ.get("DVC_ROOT", "")) == Path.cwd()


def _end_with_dvc() -> None:
    """End where DVC has been killed: it cannot tell its stages so, and nobody waits for them."""
    dvc = dvc_process()

    def watch() -> None:
        while dvc and is_running(dvc):
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def dvc_process() -> psutil.Process | None:
    """DVC, where it runs this stage: the parent, or one above where a shell stands between."""
    process = psutil.Process()
    while process and "DVC_STAGE" in process.environ():
        process = process.parent()
    return process if "DVC_STAGE" in os.environ else None


def is_running(process: psutil.Process) -> bool:
    """Whether it goes on; one that has ended may still be listed."""
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
