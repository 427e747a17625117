"""Tell MLflow of a training while it goes on: `stages.train` starts this beside itself.

It reads a JSON line per event on standard input: how the training begins, each epoch, and how it
ends. A training that ends without a word was killed. MLflow takes seconds to import and may not
answer; none of that delays the training, since it happens here.

    python -m stages.follow [PID of DVC]

While DVC goes on, it stays to complete the run when `stages.track` asks for it.
"""

import json
import os
import sys
import time
from contextlib import suppress
from queue import Queue
from threading import Thread
from typing import Any

import psutil
from filelock import Timeout

from har.errors import HarError, in_one_line
from har.model import bundle
from har.tracking import Tracker, warn
from stages import mlflow_run
from stages.common import BUNDLE, WEIGHTS, is_running, project_root
from stages.track import following, request_file

Event = dict[str, Any]


class Run:
    """The open run of a training."""

    def __init__(self, begin: Event) -> None:
        self.tracker = Tracker(project_root(), "stages.train")
        data = begin["dataset"], begin["dataset_digest"]
        self.id = mlflow_run.start(self.tracker, begin["parameters"], *data, started=begin["time"])
        self.monitor = self.tracker.system_metrics(self.id)

    def end(self, event: Event) -> None:
        """Say how it ended."""
        if self.monitor:
            self.monitor.finish()
        tags = {name: event[name] for name in ("weights_sha256", "failure") if name in event}
        self.tracker.end(self.id, event["status"], **tags)


def main(dvc: psutil.Process | None) -> None:
    lock = following()
    with suppress(Timeout):  # one before is not done yet
        lock.acquire(timeout=0)
    events: Queue[Event] = Queue()
    # Read at once, since a full pipe would stop the training.
    Thread(target=read, args=(events,), daemon=True).start()
    begin = events.get()
    if "parameters" not in begin:
        return  # it ended before it began
    before = packaged_weights()
    begin["parameters"] = mlflow_run.pipeline_settings(begin["parameters"])
    run: Run | None = None
    epochs: list[Event] = []
    end: Event | None = None
    warned = False
    while True:
        try:
            run = run or Run(begin)
            run.tracker.log(run.id, epochs)
            epochs.clear()
            if end:
                run.end(end)
        except Exception as error:  # tried again with the next epoch, and said once
            if not warned:
                warn(error, "this training so far", "it goes on")
            warned = True
        if end:
            break
        for event in received(events):
            if "status" not in event:
                epochs.append(event)
            else:
                end = end or event
    weights = end.get("weights_sha256")
    # The same weights as before: nothing is made of them again, which would complete the run.
    again = before and before == packaged_weights() == weights
    if again:
        mlflow_run.deliver(begin["parameters"])
    os.dup2(2, 1)  # the training waits for standard output to be closed
    if weights and not again and dvc and is_asked(weights, dvc):
        mlflow_run.deliver(begin["parameters"])
        request_file().unlink(missing_ok=True)


def is_asked(weights: str, dvc: psutil.Process) -> bool:
    """Wait until the run of these weights is to be completed, or will not be."""
    request = request_file()
    while not (request.exists() and request.read_text() == weights):
        if not is_running(dvc) or not WEIGHTS.exists():
            return False
        time.sleep(0.05)
    return True


def packaged_weights() -> str | None:
    """Hash of the weights that the model in models/ was made from; None where there is no model."""
    try:
        return bundle.describe(BUNDLE).weights_sha256
    except HarError:
        return None


def received(events: "Queue[Event]") -> list[Event]:
    """Wait for an event, and take all that are there."""
    found = [events.get()]
    while not events.empty():
        found.append(events.get())
    return found


def read(events: "Queue[Event]") -> None:
    """Put every line of standard input into a queue, and the end."""
    for line in sys.stdin:
        events.put(json.loads(line))
    events.put({"status": "KILLED"})


if __name__ == "__main__":
    with in_one_line():
        dvc = None
        with suppress(psutil.NoSuchProcess):
            dvc = psutil.Process(int(sys.argv[1])) if len(sys.argv) > 1 else None
        main(dvc)
