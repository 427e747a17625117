"""Complete the MLflow run of the model in models/ (`stages.mlflow_run`).

Who follows the training (`stages.follow`) has MLflow loaded, which takes seconds: it is asked
first.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from har.files import sha256
from har.params import Params
from stages.common import WEIGHTS, run

PATIENCE = 60
"""Seconds to wait for who follows the training; MLflow may be slow to answer."""


def main(params: Params) -> None:
    if not followed():
        from stages import mlflow_run

        mlflow_run.deliver(mlflow_run.pipeline_settings(params.flat()))


def followed() -> bool:
    """Have the run completed by who follows the training; False where nobody has done it."""
    lock, request = following(), request_file()
    with suppress(Timeout), lock.acquire(timeout=0):
        return False
    request.write_text(sha256(WEIGHTS))
    with suppress(Timeout), lock.acquire(timeout=PATIENCE):
        pass
    done = not request.exists()
    request.unlink(missing_ok=True)
    return done


def following() -> FileLock:
    """Held while a training in this folder is followed."""
    return FileLock(_beside_all("lock"))


def request_file() -> Path:
    """Names the weights whose run is to be completed; removed once that is done."""
    return _beside_all("request")


def _beside_all(ending: str) -> Path:
    """A file for this folder where it is not in the way: the checkout may be a copy of DVC's."""
    folder = hashlib.sha256(str(Path.cwd()).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"har-{os.getuid()}-{folder}.{ending}"


if __name__ == "__main__":
    run(main)
