"""What it brings to tell where the phone is worn: sitting, standing and lying on unseen data sets.

Each data set is left out once, as in `experiments.anyone`. Which way up is along the phone's axes
comes from the windows that the network takes for walking, of the same person with the phone at the
same place (`har.model.postures`); no label is looked at. Networks with the settings of the released
model are scored on the people of UCI HAR's official test, whom they never saw: the mean of five
seeds. Makes reports/anyone_postures.csv.

    python -m experiments.anyone_postures            # 15 minutes on one core for each network
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments import networks
from experiments.anyone import SETTINGS, TARGETS, all_windows
from experiments.table import write
from har.data.windows import Windows, step_of
from har.errors import in_one_line
from har.model import postures
from har.model.bundle import Bundle, Description
from har.params import Params
from har.recognition.recognizer import THRESHOLD
from har.signals.channels import TOTAL_ACC
from har.signals.recordings import SAMPLING_RATE, STILL

TABLE = Path("reports/anyone_postures.csv")

SEEDS = 5
"""Trainings that are scored on the people of UCI HAR's official test."""


def told(windows: Windows, probabilities: np.ndarray, description: Description) -> np.ndarray:
    """Probabilities in the light of where the phone is worn, for people who have walked before.

    Args:
        windows: Of the `BASE_CHANNELS`.
        probabilities: (windows, activities), without it.
        description: Of the model.
    """
    activities = description.activities
    acceleration = windows.signals[..., TOTAL_ACC].mean(axis=1, dtype=float)
    on_feet = [activities.index(name) for name in postures.ON_FEET]
    walks = probabilities[:, on_feet].sum(axis=1) >= postures.SURE
    seconds = step_of(windows.size, windows.overlap) / SAMPLING_RATE
    found = probabilities.copy()
    for rows in people(windows):
        part = postures.part_of(str(windows.placement[rows[0]]))
        if part not in description.angles or not walks[rows].any():
            continue
        placement = next(name for name, other in postures.PARTS.items() if other == part)
        up = acceleration[rows[walks[rows]]].mean(axis=0)
        posture = postures.Posture(description.angles, activities, placement, seconds, up)
        for index, row in enumerate(rows):
            found[row] = posture.update(index * seconds, acceleration[row], probabilities[row])
    return found


def people(windows: Windows) -> list[np.ndarray]:
    """The rows of each person with a phone at one place."""
    pairs = np.rec.fromarrays([windows.subject, windows.placement])
    return [np.flatnonzero(pairs == pair) for pair in np.unique(pairs)]


def scores(windows: Windows, probabilities: np.ndarray) -> dict[str, float]:
    """How well activities, and postures alone, are told.

    `accuracy` is over all windows, answers among the data set's activities; `postures` over the
    windows of a posture; `named` is the share of these for which one is at `THRESHOLD` or above,
    and `named_right` how many of those are right.
    """
    here = np.unique(windows.label)
    answer = here[probabilities[:, here].argmax(axis=1)]
    right = answer == windows.label
    still = np.isin(windows.activities[windows.label], STILL)
    best = probabilities.argmax(axis=1)
    named = still & (probabilities.max(axis=1) >= THRESHOLD)
    named &= np.isin(windows.activities[best], STILL)
    return {
        "accuracy": right.mean(),
        "postures": right[still].mean(),
        "named": named.sum() / still.sum(),
        "named_right": (best == windows.label)[named].mean() if named.any() else np.nan,
    }


def rows_of(target: str, windows: Windows, bundle: Bundle) -> Iterator[dict[str, Any]]:
    """The table's rows for windows that a model never saw: each placement, told and not."""
    probabilities = bundle.predict(windows.signals).probabilities
    knowing = told(windows, probabilities, bundle.description)
    for placement in np.unique(windows.placement):
        at = windows.placement == placement
        for way, given in (("not told", probabilities), ("told", knowing)):
            yield {
                "target": target,
                "placement": placement,
                "placement_is": way,
                "windows": int(at.sum()),
                **scores(windows.select(at), given[at]),
            }


def official_test(params: Params, windows: Windows) -> pd.DataFrame:
    """The table's rows for UCI HAR's official test people: the mean over `SEEDS` trainings."""
    rows: list[dict[str, Any]] = []
    for seed in range(SEEDS):
        train = params.train.model_copy(update={"seed": seed})
        seeded = params.model_copy(update={"train": train})
        made = networks.trained(f"all-seed{seed}", seeded, windows.of("train"))
        rows += rows_of("official_test", windows.of("test"), made)
    one_each = ["target", "placement", "placement_is", "windows"]
    means: pd.DataFrame = pd.DataFrame(rows).groupby(one_each, sort=False).mean().reset_index()
    return means


def main() -> None:
    parser = argparse.ArgumentParser(description="Score postures with the placement told.")
    parser.add_argument("targets", nargs="*", metavar="DATASET", help=f"of {', '.join(TARGETS)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.targets) - set(TARGETS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; expected {', '.join(TARGETS)}")
    params = Params.read(SETTINGS)
    windows = all_windows()
    rows: list[dict[str, Any]] = []
    for target in arguments.targets or TARGETS:
        taught = windows.select((windows.dataset != target) & (windows.split == "train"))
        made = networks.trained(f"without-{target}", params, taught)
        rows += rows_of(target, windows.select(windows.dataset == target), made)
    table = pd.concat([pd.DataFrame(rows), official_test(params, windows)], ignore_index=True)
    write({TABLE: table})
    print(TABLE)


if __name__ == "__main__":
    with in_one_line("interrupted; finished trainings are kept, and the same command goes on"):
        main()
