"""What every stage script shares: where files lie, and how a script starts and fails."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from har.errors import HarError
from har.params import Params

PARAMS = Path("params.yaml")

RAW = Path("data/raw")
WINDOWS = Path("data/windows.npz")
NORMALIZED = Path("data/normalized.npz")
BUNDLE = Path("models")
HISTORY = Path("reports/history.csv")
METRICS = Path("reports/metrics.json")
PREDICTIONS = Path("reports/predictions.csv")
PER_CLASS = Path("reports/per_class.csv")
PER_SUBJECT = Path("reports/per_subject.csv")
FIGURES = Path("reports/figures")
FIGURE_NAMES = (
    "activity_distribution",
    "sensor_signals",
    "time_series_patterns",
    "correlation_heatmap",
    "training_loss",
    "accuracy_curves",
    "confusion_matrix",
    "model_performance",
)


def project_root() -> Path:
    """The person's checkout, also where DVC works in a temporary copy of it."""
    return Path(os.environ.get("DVC_ROOT") or ".").absolute()


def run(main: Callable[[Params], None]) -> None:
    """Run a stage with the settings of `params.yaml` and the command line.

    What a user can cause ends in one line on standard error and exit code 1.
    """
    # As with Ctrl-C, temporary files are cleared away before the script ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main(Params.read(PARAMS, sys.argv[1:]))
    except HarError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.filename is None and error.strerror is None:
            raise
        sys.exit(f"error: {error.filename or 'file'}: {error.strerror}")
    except KeyboardInterrupt:
        sys.exit("error: interrupted; what was there before is untouched")
