"""`make benchmark`: measure the pipeline's speed and memory into benchmarks/results.json.

Speeds are ratios of two things measured in turn in one run, since seconds say more about a machine
than about the code. benchmarks/README.md says what each measurement is; its table is rewritten
here.
"""

import argparse
import importlib.metadata
import json
import operator
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import yaml

from benchmarks import live
from benchmarks.live import Unmeasured
from har.data.windows import Windows
from har.files import replacing_file
from har.learning import training
from har.params import Params
from har.signals.channels import channel_names
from har.signals.recordings import UCI_HAR_ACTIVITIES
from har.signals.scaling import Scaling

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
README = ROOT / "benchmarks" / "README.md"
START, END = "<!-- speed -->", "<!-- /speed -->"

NOOP_PAIRS = 9
LOOP_PAIRS = 7
LOOP_WINDOWS = 3200
CHANNELS = len(channel_names(Params().windowing.channels))

TINY: dict[str, Any] = {
    "dataset.names": ["simulated"],
    "simulated.seconds": 6,
    "model.hidden_size": 8,
    "train.epochs": 1,
}
"""Settings of a finished pipeline where there is no archive."""


# Running things


def environment(folder: Path) -> dict[str, str]:
    """The environment of what is measured, without the person's own DVC, MLflow and git settings.

    Args:
        folder: Where DVC may keep what it otherwise keeps beside the person's own projects.
    """
    others = ("DVC_", "MLFLOW_", "GIT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    if has_archive():  # may be named relative to where the person is
        kept["HAR_ARCHIVE_DIR"] = str(Path(kept["HAR_ARCHIVE_DIR"]).absolute())
    return kept | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",  # so that lines can be timed as they come
        "DVC_GLOBAL_CONFIG_DIR": str(folder / "none"),
        "DVC_SYSTEM_CONFIG_DIR": str(folder / "none"),
        "DVC_SITE_CACHE_DIR": str(folder / "site"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }


def run(folder: Path, *command: str) -> list[tuple[float, str]]:
    """Run a command in a folder.

    Returns:
        Its lines, both streams together, each with the seconds since the start; then an empty one
        with the seconds that it all took.
    """
    started = time.perf_counter()
    lines = []
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment(folder.parent),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            lines.append((time.perf_counter() - started, line.rstrip()))
    if process.returncode:
        said = "\n".join(line for _, line in lines[-20:])
        sys.exit(f"error: {' '.join(command)} ended with {process.returncode}:\n{said}")
    return [*lines, (time.perf_counter() - started, "")]


def run_python(folder: Path, *arguments: str) -> list[tuple[float, str]]:
    """Run this Python in a folder; see `run`."""
    return run(folder, sys.executable, *arguments)


def alternate(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[Any]]:
    """What each run returns in each round; they take turns, so that a busy moment meets all."""
    found: dict[str, list[Any]] = {name: [] for name in runs}
    for number in range(1, rounds + 1):
        say(f"  round {number} of {rounds}")
        for name, once in runs.items():
            found[name].append(once())
    return found


def ratio(above: Iterable[float], below: Iterable[float]) -> tuple[float, list[float]]:
    """The median of the ratios, pair by pair, and their lowest and highest."""
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return round(median(ratios), 2), [round(min(ratios), 2), round(max(ratios), 2)]


def say(text: str) -> None:
    """Tell the person at the terminal how far it is."""
    print(text, file=sys.stderr, flush=True)


# Copies of the project


def has_archive() -> bool:
    """Whether the person has UCI HAR at hand."""
    return bool(os.environ.get("HAR_ARCHIVE_DIR"))


def require_archive() -> None:
    """Raise Unmeasured where UCI HAR is not at hand."""
    if not has_archive():
        raise Unmeasured("HAR_ARCHIVE_DIR names no folder with UCI HAR")


def commit(folder: Path) -> None:
    """Make a git repository of a folder, with everything in it committed."""
    identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    run(folder, "git", "init", "-q")
    run(folder, "git", "add", "-A")
    run(folder, "git", *identity, "commit", "-q", "-m", "start")


def copy_project(folder: Path, settings: dict[str, Any]) -> None:
    """Copy the working tree's own files as a fresh clone has them, without a former run's results.

    Args:
        folder: Where to; new.
        settings: What to change in params.yaml, by dotted name.
    """
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.split("\0"):
        made = name == "dvc.lock" or (name.startswith("reports/") and not name.endswith("ignore"))
        if name and not made and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    for name, value in settings.items():
        section, key = name.split(".")
        params[section][key] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    commit(folder)


@dataclass(frozen=True)
class Finished:
    """A copy of the project after `python -m stages`.

    Attributes:
        folder: Where it is.
        dataset: What it ran on.
        seconds: What the run took.
        seconds_by_step: From each stage's first line to the next one's; `start` is what came
            before the first stage.
    """

    folder: Path
    dataset: str
    seconds: float
    seconds_by_step: dict[str, float]


@cache
def finished_project(temporary: Path) -> Finished:
    """Run the pipeline in a copy: on UCI HAR where it is at hand, else small and simulated."""
    folder = temporary / "project"
    on_uci_har: dict[str, Any] = {"dataset.names": ["uci_har"], "train.epochs": 1}
    settings = on_uci_har if has_archive() else TINY
    names: list[str] = settings["dataset.names"]
    say(f"  the pipeline in a copy of the project, {names[0]}")
    copy_project(folder, settings)
    lines = run_python(folder, "-m", "stages")
    if Params.read(folder / "params.yaml").dataset.names != names:
        sys.exit("error: no archive in the folder HAR_ARCHIVE_DIR is UCI HAR's")
    seconds = lines[-1][0]
    starts = {"start": 0.0}
    for at, line in lines:
        if stage := re.fullmatch(r"Running stage '(\w+)':", line):
            starts[stage[1]] = at
    ends = [*list(starts.values())[1:], seconds]
    by_step = {name: round(end - starts[name], 2) for name, end in zip(starts, ends, strict=True)}
    return Finished(folder, names[0], seconds, by_step)


def plain_pipeline(folder: Path) -> None:
    """A DVC pipeline of six chained stages that do nothing, run once, with the project's config."""
    stages = {
        f"stage{number}": {
            "cmd": f"true > {number}.txt",
            "deps": [f"{number - 1}.txt"] if number > 1 else [],
            "outs": [f"{number}.txt"],
        }
        for number in range(1, 7)
    }
    folder.mkdir()
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    run(folder, "git", "init", "-q")
    run_python(folder, "-m", "dvc", "init", "-q")
    shutil.copy(ROOT / ".dvc/config", folder / ".dvc/config")
    commit(folder)
    run_python(folder, "-m", "dvc", "repro")


# Training; these functions run in processes of their own


def random_windows() -> Windows:
    """Noise in the shape of the pipeline's windows."""
    generator = np.random.default_rng(0)
    shape = (LOOP_WINDOWS, Params().windowing.size, CHANNELS)
    zeros = np.zeros(LOOP_WINDOWS, np.int64)
    return Windows(
        signals=generator.standard_normal(shape, np.float32),
        label=generator.integers(len(UCI_HAR_ACTIVITIES), size=LOOP_WINDOWS),
        subject=zeros,
        bout=np.arange(LOOP_WINDOWS),
        start=zeros,
        split=np.full(LOOP_WINDOWS, "train"),
        channels=np.array(channel_names(Params().windowing.channels)),
        dataset=np.full(LOOP_WINDOWS, "noise"),
        placement=np.full(LOOP_WINDOWS, ""),
        device=np.full(LOOP_WINDOWS, ""),
        activities=np.array(UCI_HAR_ACTIVITIES),
        dataset_digest="",
        overlap=Params().windowing.overlap,
    )


def fit_epochs(
    data: Windows,
    threads: int,
    on_epoch: Callable[[training.Epoch], None] | None = None,
    **changes: Any,
) -> None:
    """One epoch as stages.train has it, without validation, unless these settings say more."""
    fixed = {"epochs": 1, "keep": "last", "threads": threads, "device": "cpu"}
    settings = Params().train.model_copy(update=fixed | changes)
    params = Params().model_copy(update={"train": settings})
    scaling = Scaling(np.zeros(CHANNELS, np.float32), np.ones(CHANNELS, np.float32))
    training.fit(data, scaling, params, on_epoch=on_epoch, show_progress=False)


def time_training(threads: int) -> None:
    """Print, as JSON, the speed of one epoch in windows a second on so many threads."""
    data = random_windows()
    fit_epochs(data.select(np.arange(3 * Params().train.batch_size)), threads)  # warm-up
    print(json.dumps(LOOP_WINDOWS / timed(lambda: fit_epochs(data, threads))))


def timed(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_process(threads: int) -> Callable[[], float]:
    """`time_training` in a new process each time, since threads belong to a process."""
    code = f"from benchmarks import speed; speed.time_training({threads})"

    def once() -> float:
        *_, (_, last), _ = run_python(ROOT, "-c", code)
        return float(json.loads(last))

    return once


# The measurements: each gets a temporary folder that all share


def noop_repro(temporary: Path) -> dict[str, Any]:
    """`dvc repro` with nothing to do, against a pipeline of six empty stages."""
    finished = finished_project(temporary)
    plain = temporary / "plain"
    plain_pipeline(plain)

    def repro(folder: Path) -> float:
        lines = run_python(folder, "-m", "dvc", "repro")
        if not any("up to date" in line for _, line in lines):
            sys.exit(f"error: dvc repro in {folder} had something to do")
        return lines[-1][0]

    runs = {"project": lambda: repro(finished.folder), "plain": lambda: repro(plain)}
    alternate(runs, 1)  # warm-up
    found = alternate(runs, NOOP_PAIRS)
    value, extremes = ratio(found["project"], found["plain"])
    return {
        "value": value,
        "range": extremes,
        "pairs": NOOP_PAIRS,
        "seconds": {name: round(median(times), 3) for name, times in found.items()},
        "dataset": finished.dataset,
    }


def run_without_training(temporary: Path) -> dict[str, Any]:
    """All of `python -m stages` on UCI HAR in a fresh copy, less the train stage."""
    require_archive()
    finished = finished_project(temporary)
    train = run_python(finished.folder, "-m", "stages.train")[-1][0]
    return {
        "value": round(finished.seconds - train, 1),
        "seconds": {"run": round(finished.seconds, 2), "train": round(train, 2)},
        "seconds_by_step": finished.seconds_by_step,
    }


def threads(_: Path) -> dict[str, Any]:
    """The speed of `har.learning.training.fit` on two threads against one."""
    if (os.cpu_count() or 1) < 2:
        raise Unmeasured("the machine has one core")
    speed = alternate({"two": in_process(2), "one": in_process(1)}, LOOP_PAIRS)
    value, extremes = ratio(speed["two"], speed["one"])
    return {
        "value": value,
        "range": extremes,
        "pairs": LOOP_PAIRS,
        "windows_per_second": {name: round(median(each), 3) for name, each in speed.items()},
    }


def windowing_memory(temporary: Path) -> dict[str, Any]:
    """The windowing stage's peak memory on UCI HAR."""
    require_archive()
    if not Path("/proc/self/status").exists():
        raise Unmeasured("peak memory is read from Linux's /proc")
    folder = temporary / "windowing"
    copy_project(folder, {"dataset.names": ["uci_har"]})
    run_python(folder, "-m", "stages.download")
    code = (
        "from pathlib import Path; from stages import common, windowing; "
        "common.run(windowing.main); print(Path('/proc/self/status').read_text())"
    )
    lines = run_python(folder, "-c", code)
    peak = next(line.split()[1] for _, line in lines if line.startswith("VmHWM:"))
    return {"value": round(int(peak) * 1024 / 1e6), "seconds": round(lines[-1][0], 2)}


def as_measured(measure: Callable[[], dict[str, Any]]) -> Callable[[Path], dict[str, Any]]:
    """A measurement that writes no files."""
    return lambda _: measure()


@dataclass(frozen=True)
class Measurement:
    """A measurement, and how the table shows it.

    Attributes:
        measure: Makes it; returns `value` and figures beside it.
        title: What the value is.
        beside: The figures beside it, a format of what `measure` returns.
        unit: Of the value.
        goal: A sign of `SIGNS` and a number, or None.
    """

    measure: Callable[[Path], dict[str, Any]]
    title: str
    beside: str
    unit: str = ""
    goal: tuple[str, float] | None = None


SIGNS: dict[str, Callable[[float, float], bool]] = {
    "≤": operator.le,
    "<": operator.lt,
}

# The run comes first, for `noop_repro` finds nothing to do in the copy that it leaves.
MEASUREMENTS = {
    "run_without_training": Measurement(
        run_without_training,
        "`make run` on UCI HAR without the train stage",
        "{seconds[run]:.1f} s in all, {seconds[train]:.1f} s of them training one epoch",
        " s",
        ("<", 60),
    ),
    "noop_repro": Measurement(
        noop_repro,
        "`dvc repro` with nothing to do / six empty stages",
        "{seconds[project]:.2f} s / {seconds[plain]:.2f} s, on {dataset}",
        goal=("≤", 1.3),
    ),
    "live_latency": Measurement(
        as_measured(live.latency),
        "live: from a window's last sample to its prediction, in process, 99 of 100 within",
        "median {p50:.2f} ms, over {windows:,} windows",
        " ms",
        ("<", 3),
    ),
    "live_websocket": Measurement(
        as_measured(live.through_websocket),
        "the same through the WebSocket on loopback, 99 of 100 within",
        "median {p50:.2f} ms, over {windows:,} windows",
        " ms",
        ("<", 15),
    ),
    "live_streams": Measurement(
        as_measured(live.many_streams),
        "500 live streams, a prediction a second each, in one thread: 99 of 100 within",
        "median {p50:.0f} ms, over {windows:,} windows; the core is busy {busy:.0%} of the time",
        " ms",
        ("<", 200),
    ),
    "live_served": Measurement(
        as_measured(live.served_streams),
        "the same through the server, on one core: 99 of 100 within",
        "median {p50:.0f} ms, over {windows:,} windows; the clients have the other core",
        " ms",
        ("<", 200),
    ),
    "live_memory": Measurement(
        as_measured(live.memory_per_stream),
        "memory of a live stream",
        "mean of {streams}",
        " kB",
        ("<", 64),
    ),
    "threads": Measurement(
        threads,
        "training on two threads / on one",
        "{windows_per_second[two]:,.0f} / {windows_per_second[one]:,.0f} windows a second",
    ),
    "windowing_memory": Measurement(
        windowing_memory,
        "peak memory of windowing UCI HAR",
        "{seconds:.1f} s",
        " MB",
        ("<", 400),
    ),
}


# Results


def machine() -> str:
    """The processor, its cores, and the versions that matter."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (name := re.search(r"model name\s*: (.+)", cpuinfo.read_text())):
        processor = name[1].strip()
    versions = ", ".join(f"{one} {importlib.metadata.version(one)}" for one in ("torch", "dvc"))
    python = platform.python_version()
    return f"{processor}, {os.cpu_count()} cores; Python {python}, {versions}"


def read_results() -> dict[str, Any]:
    """What was measured before, by name."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def table(results: dict[str, Any]) -> str:
    """The results as a Markdown table, and what they were measured on."""
    rows = ["| measurement | result | goal | met | figures behind it |", "|---|---|---|---|---|"]
    for name, one in MEASUREMENTS.items():
        if name not in results:
            continue
        found, (sign, limit) = results[name], one.goal or ("", 0.0)
        value = found["value"]
        if value is None:
            shown, beside, met = "–", f"not measured: {found['reason']}", "–"
        else:
            shown = f"{value:.2f}" if not one.unit else f"{value:g}{one.unit}"
            if "range" in found:
                low, high = found["range"]
                shown += f" ({low:.2f} to {high:.2f}, {found['pairs']} pairs)"
            try:
                beside = one.beside.format(**found)
            except KeyError:
                beside = "measured by another version of this script; measure it anew"
            met = ("yes" if SIGNS[sign](value, limit) else "**no**") if one.goal else "–"
        goal = f"{sign} {limit:g}{one.unit}" if one.goal else "–"
        rows.append(f"| {one.title} (`{name}`) | {shown} | {goal} | {met} | {beside} |")
    machines = dict.fromkeys(results[name]["machine"] for name in MEASUREMENTS if name in results)
    return "\n".join([*rows, "", "Measured on: " + "; and on: ".join(machines) + "."])


def write_readme(shown: str) -> None:
    """Put the table between the markers of benchmarks/README.md."""
    before, start, rest = README.read_text("utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        sys.exit(f"error: {README} lacks the markers {START} and {END}")
    with replacing_file(README) as partial:
        partial.write_text(f"{before}{START}\n{shown}\n{END}{after}", "utf-8")


def main() -> None:
    """Measure what the command line asks for, and write it down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=MEASUREMENTS, help="make one measurement, keep the rest")
    only = parser.parse_args().only
    results = read_results()
    with tempfile.TemporaryDirectory(prefix="har-speed-") as folder:
        for name in [only] if only else MEASUREMENTS:
            say(name)
            try:
                found = MEASUREMENTS[name].measure(Path(folder))
            except Unmeasured as reason:
                found = {"value": None, "reason": str(reason)}
            results[name] = found | {"machine": machine()}
            ordered = {key: results[key] for key in MEASUREMENTS if key in results}
            with replacing_file(RESULTS) as partial:
                partial.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n")
    shown = table(results)
    write_readme(shown)
    print(shown)


if __name__ == "__main__":
    main()
