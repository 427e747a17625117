"""Try settings, each with several seeds, and compare them by validation people.

Every combination becomes a DVC experiment. They are queued and run side by side, and what was
trained before comes from DVC's run cache. The table has the mean over the seeds and, after the
sign, their standard deviation. The test people's scores are not looked at.

    python -m experiments.sweep model.hidden_size=32,64,128
    python -m experiments.sweep train.learning_rate=1e-3,3e-3 model.cell=lstm,gru --seeds 5 --jobs 2
"""

import argparse
import io
import math
import re
import subprocess
import sys

import pandas as pd

from har.errors import HarError, in_one_line

SCORES = ("accuracy", "worst", "f1", "loss")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.sweep",
        description="Try settings, each with several seeds, and compare them by validation people.",
    )
    parser.add_argument(
        "settings",
        nargs="+",
        metavar="SECTION.KEY=VALUE,VALUE",
        help="values to try, such as model.hidden_size=32,64; of several, every combination",
    )
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each (default: 3)")
    parser.add_argument(
        "--val-subjects", type=int, default=5, help="people set apart to compare by (default: 5)"
    )
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side (default: 1)")
    parser.add_argument("--name", default="sweep", help="of the experiments (default: sweep)")
    arguments = parser.parse_args()
    if wrong := [each for each in arguments.settings if not re.match(r"[\w.]+=.", each)]:
        raise HarError(f"{wrong[0]}: expected SECTION.KEY=VALUE, or several values with commas")
    if min(arguments.seeds, arguments.val_subjects, arguments.jobs) < 1:
        raise HarError("--seeds, --val-subjects and --jobs: expected 1 or more")
    of_sweep = re.compile(rf"{re.escape(arguments.name)}-\d+")
    if any(map(of_sweep.fullmatch, dvc("exp", "list", "--name-only").split())):
        raise HarError(
            f"there are experiments of the name {arguments.name} already: choose another --name, "
            "or remove them (`dvc exp remove NAME`)"
        )
    changed = [setting.partition("=")[0] for setting in arguments.settings]
    every = [
        *arguments.settings,
        f"split.val_subjects={arguments.val_subjects}",
        f"train.seed=range({arguments.seeds})",
    ]
    if arguments.jobs > 1 and "train.threads" not in changed:
        every.append("train.threads=1")  # side by side, two threads each wait for one another
    overrides = [part for setting in every for part in ("-S", setting)]
    queued = dvc("exp", "run", "--queue", "--name", arguments.name, *overrides)
    # Its own output shows how far it is; an experiment that fails keeps no other from running.
    subprocess.run(
        [sys.executable, "-m", "dvc", "exp", "run", "--run-all", "--jobs", str(arguments.jobs)],
        check=False,
    )
    shown = pd.read_csv(io.StringIO(dvc("exp", "show", "--csv")))
    done = shown[[bool(of_sweep.fullmatch(str(name))) for name in shown["Experiment"]]]
    done = done.dropna(subset=["val.accuracy"]) if "val.accuracy" in done else done[:0]
    if done.empty:
        raise HarError("no experiment has finished; `dvc queue logs NAME` says why")
    print(f"\n{arguments.val_subjects} validation people, {arguments.seeds} trainings each:")
    print(table(done, changed).to_string())
    if len(done) < queued.count("Queued experiment"):
        raise HarError("some experiments did not finish; `dvc queue status` names them")


def table(done: pd.DataFrame, changed: list[str]) -> pd.DataFrame:
    """A row for each combination of settings, the best accuracy first.

    Args:
        done: A row per experiment, with the columns of `dvc exp show --csv`.
        changed: Settings that differ, beside the seed.
    """
    groups = done.groupby(changed)[[f"val.{score}" for score in SCORES]]
    mean, spread = groups.mean(), groups.std()
    rows = pd.DataFrame({"trainings": groups.size()})
    for score in mean:
        rows[score] = [
            f"{average:.4f} ± " + ("–" if math.isnan(deviation) else f"{deviation:.4f}")
            for average, deviation in zip(mean[score], spread[score], strict=True)
        ]
    return rows.loc[mean.sort_values("val.accuracy", ascending=False).index]


def dvc(*arguments: str) -> str:
    """What DVC prints.

    Raises:
        HarError: It fails.
    """
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = " ".join(done.stderr.split()).removeprefix("ERROR: ")
        raise HarError(f"`dvc {' '.join(arguments[:2])}` failed: {reason:.300}")
    return done.stdout


if __name__ == "__main__":
    with in_one_line("interrupted; `dvc queue status` says what is left"):
        main()
