"""What two processes bring in training: `python -m benchmarks.processes`, on two idle cores.

The default network and augmentation on windows of noise, a thread to a process. For each size of
batch: how many times as fast two processes are as one, and how many times they would be if sharing
cost nothing, which is what one process takes for a batch over what it takes for half of it, since a
small batch takes longer for each window. The same in CPU seconds, which say what work is done
twice, however busy the machine is; there waiting costs nothing.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from benchmarks.speed import LOOP_WINDOWS, alternate, fit_epochs, random_windows, say
from har.learning import processes
from har.learning.training import Epoch

EPOCHS = 2

Times = dict[int, tuple[float, float]]
"""By size of batch: seconds of a step, and CPU seconds of the process."""


def times(batches: list[int], steps: int) -> Times:
    """Of training steps in this process, alone or as one of several."""
    found: Times = {}
    data = random_windows()
    for batch in batches:
        count = min(steps, LOOP_WINDOWS // batch)
        ends: list[tuple[float, float]] = []

        def note(_: Epoch, ends: list[tuple[float, float]] = ends) -> None:
            ends.append((time.perf_counter(), time.process_time()))

        # The first epoch warms up.
        few = data.select(np.arange(batch * count))
        fit_epochs(few, threads=1, on_epoch=note, batch_size=batch, epochs=1 + EPOCHS)
        if ends:  # of the first process
            wall, busy = np.subtract(ends[-1], ends[0]) / (EPOCHS * count)
            found[batch] = float(wall), float(busy)
    return found


def run(number: int, batches: list[int], steps: int) -> Times:
    """`times` in as many new processes: of the first."""
    options = ["--once", "--steps", str(steps), "--batches", *map(str, batches)]
    torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={number}"]
    command = [sys.executable, "-m", *torchrun, "-m", "benchmarks.processes", *options]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {int(batch): (wall, busy) for batch, (wall, busy) in json.loads(said).items()}


def main() -> None:
    """Measure, and print a line for each size of batch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 256, 512])
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.once:
        with processes.joined():
            measured = times(asked.batches, asked.steps)
            if processes.rank() == 0:
                print(json.dumps(measured))
        return
    alone = sorted({size for batch in asked.batches for size in (batch, batch // 2)})
    runs: dict[str, Callable[[], Any]] = {
        "one": partial(run, 1, alone, asked.steps),
        "two": partial(run, 2, asked.batches, asked.steps),
    }
    found = alternate(runs, asked.rounds)
    pairs = list(zip(found["one"], found["two"], strict=True))
    say("batch: two processes / one (if sharing cost nothing); the same by CPU seconds")
    for batch in asked.batches:
        ratios = [
            (one[batch][at] / two[batch][at], one[batch][at] / one[batch // 2][at])
            for at in (0, 1)
            for one, two in pairs
        ]
        by_clock, by_cpu = ratios[: len(pairs)], ratios[len(pairs) :]
        texts = []
        for each in (by_clock, by_cpu):
            reached, possible = (sorted(column) for column in zip(*each, strict=True))
            texts.append(
                f"{median(reached):.2f} ({reached[0]:.2f} to {reached[-1]:.2f}; "
                f"at best {median(possible):.2f})"
            )
        milliseconds = median(one[batch][0] for one, _ in pairs) * 1000
        print(f"{batch}: {texts[0]}; {texts[1]}; one process {milliseconds:.1f} ms a step")


if __name__ == "__main__":
    main()
