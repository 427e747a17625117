"""Memory and CPU time as data grow: windowing, normalization and an epoch of training.

python -m benchmarks.scale                # 1, 10 and 100 times as many windows as UCI HAR has
python -m benchmarks.scale --times 1 10   # so many
python -m benchmarks.scale --whole        # the stages explore, package and evaluate too
python -m benchmarks.scale --dask         # windowing by two Dask workers against one: a ratio

The people are simulated while their windows are cut, thirty of them for as many windows as UCI HAR
has, and are not stored. Each step is a process of its own, as in the pipeline, and of windowing's
workers the largest counts. A hundred times takes 15 GB of disk and the longer part of an hour.
"""

import os
import shutil
import subprocess
import sys
import time
from argparse import ArgumentParser
from contextlib import chdir
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from har.params import Workers

ROOT = Path(__file__).resolve().parents[1]
SECONDS, OVERLAP = 26.0, 0.875
"""Of each activity and person, and of a window: thirty people give 10,620, UCI HAR has 10,299.

With half a window in common, as by default, four times as long would have to be simulated.
"""

WINDOWS, NORMALIZED = Path("data/windows.npz"), Path("data/normalized.npz")
SMALL = (
    *("--train.epochs=1", "--train.threads=1", "--train.batch_size=512"),
    *("--model.hidden_size=16", "--model.filters=8", "--model.num_layers=0"),
)
"""A network that is quick to train: how much of the data is in memory does not depend on it."""


def cut(people: int, workers: "Workers") -> None:
    """Simulate and cut: what the windowing stage does with recordings."""
    # Here, since the memory of a process that starts another is counted with the other's.
    from har.data.cutting import cut_to_file
    from har.data.datasets import simulated
    from har.params import Params
    from har.signals.channels import groups_of
    from har.signals.recordings import BASE_CHANNELS

    pieces = [partial(simulated.record, 0, subject, SECONDS) for subject in range(1, people + 1)]
    made = cut_to_file(
        WINDOWS,
        {"simulated": pieces},
        Params().windowing.size,
        OVERLAP,
        groups_of(BASE_CHANNELS),
        workers,
    )
    print(f"{len(made):,} windows")


def two_dask_workers(people: int = 600, rounds: int = 2) -> None:
    """Seconds of cutting by one Dask worker and by two, alternately, and their ratio."""
    from dask.distributed import LocalCluster

    from har.params import Workers

    for _ in range(rounds):
        seconds = []
        for count in (1, 2):
            with LocalCluster(
                n_workers=count, threads_per_worker=1, dashboard_address="127.0.0.1:0"
            ) as cluster:
                workers = Workers(backend="dask", address=cluster.scheduler_address)
                cut(8, workers)  # workers import what they need
                begin = time.perf_counter()
                cut(people, workers)
                seconds.append(time.perf_counter() - begin)
        print(f"{seconds[0]:.1f} s, {seconds[1]:.1f} s: {seconds[0] / seconds[1]:.2f}", flush=True)


def measured(folder: Path, module: str, *arguments: str) -> tuple[float, int]:
    """Run a module there; CPU seconds of it and its workers, and most MB of any of them."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], cwd=folder, env=environment
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"error: {module} failed")
    return used.ru_utime + used.ru_stime, round(used.ru_maxrss / 1000)


def main() -> None:
    """Measure, and print a table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--jobs", type=int, default=2, help="workers of windowing")
    parser.add_argument("--whole", action="store_true", help="the other stages too")
    parser.add_argument("--folder", type=Path, help="where to have space for a while")
    parser.add_argument("--cut", type=int, metavar="PEOPLE", help="only cut, here")
    parser.add_argument("--dask", action="store_true", help="two Dask workers against one")
    arguments = parser.parse_args()
    if arguments.cut:
        from har.params import Workers

        cut(arguments.cut, Workers(jobs=arguments.jobs))
        return
    if arguments.dask:
        with TemporaryDirectory(dir=arguments.folder) as temporary, chdir(temporary):
            WINDOWS.parent.mkdir()
            two_dask_workers()
        return
    others = ("explore", "package", "evaluate") if arguments.whole else ()
    people = [30 * times for times in arguments.times]
    print("| times | windows.npz | step | CPU s | MB of the largest process |")
    print("|---|---|---|---|---|", flush=True)
    for times, number in zip(arguments.times, people, strict=True):
        with TemporaryDirectory(dir=arguments.folder) as temporary:
            folder = Path(temporary)
            shutil.copy(ROOT / "params.yaml", folder)
            steps = {
                "windowing": ("benchmarks.scale", "--cut", str(number), f"--jobs={arguments.jobs}"),
                "normalization": ("stages.normalization",),
                "training, an epoch": ("stages.train", *SMALL),
            }
            for step, command in (steps | {each: (f"stages.{each}",) for each in others}).items():
                seconds, megabytes = measured(folder, *command)
                size = (folder / WINDOWS).stat().st_size / 1e9
                row = (times, f"{size:.2f} GB", step, f"{seconds:,.1f}", f"{megabytes:,}")
                print(f"| {' | '.join(map(str, row))} |", flush=True)


if __name__ == "__main__":
    main()
