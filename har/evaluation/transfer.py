"""How a model does on a data set that it never saw: other people, phones and places.

What such a model can be asked differs from set to set, so each window is scored three ways: among
all activities that the model knows; among those that the data set has, as the literature does; and
the latter with sitting, standing and lying counted as one, since no phone that may be worn anywhere
can tell them apart.
"""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.special import logsumexp

from har.data.windows import Windows
from har.evaluation import metrics, trials
from har.signals.recordings import ACTIVITIES, SOME_POSTURE, STILL

AS_RECORDED = "as recorded"
"""The condition under which nothing is changed."""

MERGED = (*(name for name in ACTIVITIES if name not in STILL), SOME_POSTURE)
"""The activities with the postures as one."""

TEMPERATURES = tuple(np.geomspace(0.25, 32, 43).round(3).tolist())
"""Temperatures that `losses` tries."""

SMALLEST = 1e-12
"""Probabilities count as no less where their logarithm is taken."""


class Group(BaseModel):
    """One person with sensors at one place.

    Attributes:
        subject: Number of the person.
        placement: Where the sensors were worn.
        open: Windows by actual activity (rows) and answer (columns), of `ACTIVITIES`.
        restricted: The same, answers among the activities of the data set.
        merged: The same, postures as one: rows and columns of `MERGED`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: int
    placement: str
    open: trials.Confusion
    restricted: trials.Confusion
    merged: trials.Confusion


def groups_of(windows: Windows, probabilities: np.ndarray) -> list[Group]:
    """Score windows by person and placement.

    Args:
        windows: With labels among `ACTIVITIES`, all of them.
        probabilities: (windows, activities), of `ACTIVITIES`.
    """
    here = np.unique(windows.label)
    restricted = np.full(len(ACTIVITIES), -1.0)
    restricted[here] = 0
    to_merged = np.array([MERGED.index(_merged(name)) for name in ACTIVITIES])
    merged = np.stack(
        [probabilities[:, to_merged == index].sum(axis=1) for index in range(len(MERGED))], axis=1
    )
    elsewhere = np.setdiff1d(np.arange(len(MERGED)), to_merged[here])
    merged[:, elsewhere] = -1
    answers = {
        "open": (windows.label, probabilities.argmax(axis=1), len(ACTIVITIES)),
        "restricted": (
            windows.label,
            np.where(restricted < 0, -1, probabilities).argmax(axis=1),
            len(ACTIVITIES),
        ),
        "merged": (to_merged[windows.label], merged.argmax(axis=1), len(MERGED)),
    }
    found = []
    for subject in np.unique(windows.subject):
        for placement in np.unique(windows.placement[windows.subject == subject]):
            rows = (windows.subject == subject) & (windows.placement == placement)
            counts = {
                name: metrics.confusion(actual[rows], answer[rows], classes).tolist()
                for name, (actual, answer, classes) in answers.items()
            }
            found.append(Group(subject=int(subject), placement=str(placement), **counts))
    return found


def losses(windows: Windows, probabilities: np.ndarray) -> dict[str, list[float]]:
    """What each of the `TEMPERATURES` would make of probabilities that were given at 1.

    Args:
        windows: As for `groups_of`.
        probabilities: Likewise.

    Returns:
        `"merged"`: mean negative log-likelihood with postures as one, over all windows;
        `"postures"`: of the posture, for windows of a posture, given that it is one.
    """
    logs = np.log(np.maximum(probabilities.astype(np.float64), SMALLEST))
    still = np.isin(ACTIVITIES, STILL)
    is_still = still[windows.label]
    rows = np.arange(len(windows))
    found: dict[str, list[float]] = {"merged": [], "postures": []}
    for temperature in TEMPERATURES:
        softened = logs / temperature
        softened -= logsumexp(softened, axis=1, keepdims=True)
        together = logsumexp(softened[:, still], axis=1)
        of_truth = softened[rows, windows.label]
        found["merged"].append(float(-np.where(is_still, together, of_truth).mean()))
        of_posture = (of_truth - together)[is_still]
        found["postures"].append(float(-of_posture.mean()) if is_still.any() else 0.0)
    return found


def _merged(activity: str) -> str:
    return SOME_POSTURE if activity in STILL else activity


def pooled(groups: Sequence[Group], way: str) -> np.ndarray:
    """All windows by actual activity and answer, scored `"open"`, `"restricted"` or `"merged"`."""
    together: np.ndarray = np.sum([getattr(group, way) for group in groups], axis=0)
    return together


def accuracy(groups: Sequence[Group], way: str) -> float:
    """Share of all windows recognised."""
    return float(metrics.accuracy_of(pooled(groups, way)))


def by_person(groups: Sequence[Group], way: str) -> dict[int, float]:
    """Each person's accuracy, placements together."""
    tables = _tables(groups, way)
    return {person: float(metrics.accuracy_of(table)) for person, table in tables.items()}


def interval(groups: Sequence[Group], way: str) -> tuple[float, float]:
    """A 95 % interval of the accuracy for other people of the same kind (`trials.interval`)."""
    return trials.interval(_tables(groups, way), metrics.accuracy_of)


def _tables(groups: Sequence[Group], way: str) -> dict[int, np.ndarray]:
    """A confusion matrix of each person, placements together."""
    people = sorted({group.subject for group in groups})
    return {
        person: pooled([group for group in groups if group.subject == person], way)
        for person in people
    }
