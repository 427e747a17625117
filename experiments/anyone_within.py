"""The recogniser for anyone's phone within one data set: ten groups of people, each left out once.

The network and its settings are those that are scored on data sets never seen; it learns from the
other nine groups of the same data set alone, in a third of the training (`short`). Each training
leaves a file in experiments/within/, and what is there is not run again. The table of what is there
is reports/anyone_within.csv.

    python -m experiments.anyone_within              # all four: hours on one core
    python -m experiments.anyone_within hapt --jobs 1
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from experiments.anyone import TARGETS, all_windows, deciding, settings_of, train_network
from experiments.table import write
from har.data.splits import subject_folds
from har.data.windows import Windows
from har.errors import HarError, in_one_line
from har.evaluation import metrics, transfer
from har.evaluation.transfer import Group
from har.evaluation.trials import fold_name, restore, store
from har.parallel import side_by_side
from har.params import Workers, checked

METHOD = "short"
GROUPS, SEED = 10, 0
"""Groups of people, fewer where there are fewer people; and the seed of all draws."""

TRIALS, TABLE = Path("experiments/within"), Path("reports/anyone_within.csv")


class Within(BaseModel):
    """One training on a data set's other people.

    Attributes:
        dataset: Its name.
        part: Which group of people was left out, such as `fold1of10`.
        settings: All that decides the outcome beside these, by dotted name.
        dataset_digest: SHA-256 of the content of all data sets.
        groups: The scores, by person and placement.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    part: str
    settings: dict[str, Any]
    dataset_digest: str
    groups: list[Group]

    @property
    def path(self) -> Path:
        """Its file."""
        return TRIALS / self.dataset / f"{self.part}.json"


def run(windows: Windows, held_out: np.ndarray, part: str) -> Within:
    """Learn from a data set's people, and score those who are held out.

    Args:
        windows: Of one data set, of the nine `BASE_CHANNELS`.
        held_out: Numbers of people.
        part: Their name.
    """
    params = settings_of(METHOD)
    out = np.isin(windows.subject, held_out)
    predict = train_network(params, SEED, windows.select(~out))
    unseen = windows.select(out)
    return Within(
        dataset=windows.source,
        part=part,
        settings=deciding(params),
        dataset_digest=windows.dataset_digest,
        groups=transfer.groups_of(unseen, predict(unseen.signals)),
    )


def run_all(names: Sequence[str], jobs: int) -> None:
    """Run what is not stored, data set by data set, and store it."""
    windows = all_windows()
    for name in names:
        own = windows.select(windows.dataset == name)
        count = min(GROUPS, len(np.unique(own.subject)))
        parts = {
            fold_name(index + 1, count): held_out
            for index, held_out in enumerate(subject_folds(own.subject, count, SEED))
        }
        stored = {each.part for each in load_all() if each.dataset == name}
        work = (
            partial(run, own, held_out, part)
            for part, held_out in parts.items()
            if part not in stored
        )
        print(f"{name}: {count} trainings, {len(stored)} of them stored", flush=True)
        for done in side_by_side(work, checked(Workers, jobs=jobs)):
            store(done.path, done)
            print(f"{name}: {done.part}", flush=True)
            write_table()


def load_all() -> list[Within]:
    """All stored trials.

    Raises:
        HarError: One is damaged, or was made with other settings.
    """
    found = []
    for path in sorted(TRIALS.glob("*/*.json")):
        found.append(restore(path, Within))
        if found[-1].settings != deciding(settings_of(METHOD)):
            raise HarError(f"{path} is of other settings: delete {path.parent} to begin anew")
    return found


def table(trials: Sequence[Within]) -> pd.DataFrame:
    """A row per data set: all people that were scored so far, together."""
    rows = []
    for name in [each for each in TARGETS if any(trial.dataset == each for trial in trials)]:
        of_this = [trial for trial in trials if trial.dataset == name]
        groups = [group for trial in of_this for group in trial.groups]
        people = transfer.by_person(groups, "restricted")
        low, high = transfer.interval(groups, "restricted")
        rows.append(
            {
                "dataset": name,
                "trainings": len(of_this),
                "of": int(of_this[0].part.split("of")[1]),
                "people": len(people),
                "windows": int(transfer.pooled(groups, "open").sum()),
                "accuracy": transfer.accuracy(groups, "restricted"),
                "low": low,
                "high": high,
                "macro_f1": metrics.macro_f1(transfer.pooled(groups, "restricted")),
                "worst_person": min(people.values()),
                "merged": transfer.accuracy(groups, "merged"),
            }
        )
    return pd.DataFrame(rows)


def write_table() -> None:
    """Make the table of the stored trials."""
    write({TABLE: table(load_all())})


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.anyone_within",
        description="Score the recogniser for any phone within one data set.",
    )
    parser.add_argument("names", nargs="*", metavar="DATASET", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--jobs", type=int, default=-1, help="trainings side by side")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(TARGETS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; expected {', '.join(TARGETS)}")
    run_all(arguments.names or TARGETS, arguments.jobs)


if __name__ == "__main__":
    with in_one_line("interrupted; finished trainings are kept, and the same command goes on"):
        main()
