"""Train the recurrent classifier: data/normalized.npz to its weights and reports/history.csv."""

import json
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from har.data import windows
from har.files import replacing_file, sha256
from har.learning import processes, weights
from har.learning.networks import count_parameters
from har.learning.training import Epoch, fit
from har.params import Params
from stages.common import HISTORY, NORMALIZED, WEIGHTS, dvc_process, run


def main(params: Params) -> None:
    if params.train.processes > 1 and not processes.is_one():
        settings = params.train
        processes.start("stages.train", sys.argv[1:], settings.processes, settings.threads)
        return
    with processes.joined():
        fit_and_save(params)


def fit_and_save(params: Params) -> None:
    val, _ = windows.load_scaled(NORMALIZED, "val")
    train, scaling = windows.load_scaled(NORMALIZED, "train")
    if processes.rank():  # the first one writes
        fit(train, scaling, params, val=val)
        return
    epochs: list[Epoch] = []

    def on_epoch(row: Epoch) -> None:
        """Write the history so far: `dvc plots show` draws the curves while the training runs."""
        epochs.append(row)
        with replacing_file(HISTORY) as partial:
            # `dvc plots` draws an empty cell as zero, and leaves out what is not a number.
            pd.DataFrame(epochs).to_csv(partial, index=False, float_format="%.6g", na_rep="NaN")
        tell(row)

    with _as_before_on_failure(HISTORY), _followed() as tell:
        data = {"dataset": train.source, "dataset_digest": train.dataset_digest}
        tell({"parameters": params.flat(), **data})
        network, history = fit(train, scaling, params, val=val, on_epoch=on_epoch)
        record = weights.record_of(network, train, scaling, params, history.kept_epoch)
        weights.save(WEIGHTS, network, record)
        tell({"status": "FINISHED", "weights_sha256": sha256(WEIGHTS)})
    print(f"{count_parameters(network):,} parameters, {len(train):,} training windows")


@contextmanager
def _as_before_on_failure(path: Path) -> Iterator[None]:
    """A history and weights of two trainings would not go together."""
    before = path.read_bytes() if path.exists() else None
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        if before is not None:
            with replacing_file(path) as partial:
                partial.write_bytes(before)
        raise


@contextmanager
def _followed() -> Iterator[Callable[[dict[str, Any]], None]]:
    """Start what tells MLflow of the training; yields what tells it of an event.

    A process of its own (`stages.follow`), since MLflow may not delay a training or make it fail.
    In a session of its own, it outlives what ends this one, and says so.
    """
    dvc = dvc_process()
    command = [sys.executable, "-m", "stages.follow", *([str(dvc.pid)] if dvc else [])]
    follower = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
    )
    pipe = follower.stdin
    assert pipe is not None and follower.stdout is not None

    def tell(event: dict[str, Any]) -> None:
        line = json.dumps({"time": int(time.time() * 1000), **event}) + "\n"
        with suppress(OSError):  # it is gone
            pipe.write(line.encode())

    with pipe:
        try:
            yield tell
        except Exception as error:
            tell({"status": "FAILED", "failure": str(error)})
            raise
    # Until it closes it: its warnings are out, and this folder may go. It goes on by itself.
    with follower.stdout as until_done:
        select.select([until_done], [], [], 5)


if __name__ == "__main__":
    run(main)
