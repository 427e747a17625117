"""What a few windows of a person's own are worth (`har.recognition.profile`), person by person.

Nobody here was known to the network: UCI HAR's training people are held out by cross-validation,
and MotionSense, USC-HAD, HAPT and DSADS are scored by networks that learnt from the other three.
What teaches and what is scored are of different bouts; docs/teach.md tells the protocol. Networks,
and what they say of each window, are kept in experiments/networks/: without them it takes hours.

    python -m experiments.teach choose     # reports/teach_choice.csv, of networks of two data sets
    python -m experiments.teach score      # reports/teach.csv, teach_people.csv, teach_adapted.csv
    python -m experiments.teach test       # reports/teach_test.csv: UCI HAR's test people, once
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from experiments.anyone import SETTINGS, TARGETS, all_windows
from experiments.networks import folder_of, trained
from experiments.table import write
from har.data.loading import read_with_digest
from har.data.splits import subject_folds
from har.data.windows import Windows, cut_windows
from har.errors import in_one_line
from har.evaluation import trials
from har.files import replacing_file
from har.model.bundle import DESCRIPTION, Smoothing, describe
from har.model.hmm import smooth
from har.params import Params
from har.recognition.profile import (
    EVIDENCE,
    GRAVITY,
    LEANING,
    NEAR,
    distances,
    smoothed_as_one,
    weigh,
)
from har.signals.channels import groups_of
from har.signals.recordings import BASE_CHANNELS, in_words
from stages.common import PARAMS, RAW

CHOICE, TABLE, PEOPLE, ADAPTED, TEST = (
    Path(f"reports/teach{ending}.csv") for ending in ("_choice", "", "_people", "_adapted", "_test")
)
FOLDS = 5
SHOWN = (1, 3, 5, 0)
"""Windows of each activity that teach; 0 for the whole bout."""

APART = 24
"""Windows, of half a minute, between what teaches and what is scored, where these are of one
bout."""

STEP = 1.28
"""Seconds from window to window."""

SHORT = ["--train.epochs=3"]
"""Settings in which networks of two data sets are trained, to choose by."""


@dataclass(frozen=True)
class Answers:
    """What a network says of windows, in the order of time within each person and placement.

    Attributes:
        probabilities: (windows, activities).
        features: (windows, features), of `har.model.bundle.Outputs`.
        label: int (windows,), index into `activities`.
        subject: int (windows,).
        placement: str (windows,).
        bout: int (windows,).
        dataset: str (windows,).
        activities: str (activities,).
    """

    probabilities: np.ndarray
    features: np.ndarray
    label: np.ndarray
    subject: np.ndarray
    placement: np.ndarray
    bout: np.ndarray
    dataset: np.ndarray
    activities: np.ndarray

    def select(self, where: np.ndarray) -> "Answers":
        """Those of some windows."""
        some = {each.name: getattr(self, each.name)[where] for each in fields(self)[:-1]}
        return replace(self, **some)


@dataclass(frozen=True)
class Asked:
    """A network's answers about people that it never saw, and how it smooths over time."""

    name: str
    answers: Answers
    smoothing: Smoothing


def asked(
    name: str, params: Params, train: Windows, unseen: dict[str, Windows], kept: bool
) -> Iterator[tuple[str, Asked]]:
    """Train a network, or take the kept one, and ask it; its answers are kept beside it.

    Args:
        name: Of the network.
        params: Its settings.
        train: What it learns from, in g and rad/s.
        unseen: What to ask it about, by name.
        kept: Train nothing: nothing comes of a network that is not there.
    """
    folder = folder_of(name, params, train)
    if kept and not (folder / DESCRIPTION).exists():
        return
    bundle = None
    for target, windows in unseen.items():
        path = folder / f"{target}.npz"
        if not path.exists():
            bundle = bundle or trained(name, params, train)
            outputs = bundle.predict(windows.signals)
            order = np.lexsort((windows.start, windows.bout, windows.placement, windows.subject))
            answers = Answers(
                outputs.probabilities,
                outputs.features,
                windows.label,
                windows.subject,
                windows.placement,
                windows.bout,
                windows.dataset,
                windows.activities,
            ).select(order)
            with replacing_file(path) as partial:
                arrays = {each.name: getattr(answers, each.name) for each in fields(Answers)}
                np.savez(partial, allow_pickle=False, **arrays)
        with np.load(path, allow_pickle=False) as file:
            answers = Answers(**{each.name: file[each.name] for each in fields(Answers)})
        yield target, Asked(name, answers, describe(folder).smoothing)


def of_uci_har() -> Windows:
    """All windows of UCI HAR, in g and rad/s."""
    params = Params.read(PARAMS)
    recordings, digest = read_with_digest(["uci_har"], RAW, params.simulated)
    size, overlap = params.windowing.size, params.windowing.overlap
    return cut_windows(recordings, size, overlap, groups_of(BASE_CHANNELS), digest)


def held_out(windows: Windows, kept: bool) -> list[Asked]:
    """UCI HAR's training people, each held out once."""
    train = windows.of("train")
    params = Params.read(PARAMS)
    found: list[tuple[str, Asked]] = []
    for fold, people in enumerate(subject_folds(train.subject, FOLDS, params.split.seed), start=1):
        out = np.isin(train.subject, people)
        name = f"uci_har-fold{fold}of{FOLDS}"
        found += asked(name, params, train.select(~out), {"uci_har": train.select(out)}, kept)
    return [each for _, each in found]


def left_out(windows: Windows, kept: bool) -> dict[str, Asked]:
    """Each data set, by a network that learnt from the others."""
    params = Params.read(SETTINGS)
    found: dict[str, Asked] = {}
    for target in TARGETS:
        train = windows.select((windows.dataset != target) & (windows.split == "train"))
        unseen = {target: windows.select(windows.dataset == target)}
        found |= asked(f"without-{target}", params, train, unseen, kept)
    return found


def of_pairs(windows: Windows, kept: bool) -> list[tuple[tuple[str, str], str, Asked]]:
    """Each two data sets by networks that learnt from the other two; UCI HAR's test people not."""
    params = Params.read(SETTINGS, SHORT)
    known = windows.of("train")
    found = []
    for pair in combinations(TARGETS, 2):
        others = [target for target in TARGETS if target not in pair]
        unseen = {target: known.select(known.dataset == target) for target in others}
        train = known.select(np.isin(known.dataset, pair))
        every = asked("+".join(pair), params, train, unseen, kept)
        found += [(pair, target, each) for target, each in every]
    return found


# ---- the protocol ----


@dataclass(frozen=True)
class Person:
    """One wearer: what teaches, a list of stretches by activity, and what is scored."""

    subject: int
    placement: str
    lessons: dict[int, list[Answers]]
    scored: Answers


def people(answers: Answers) -> Iterator[Person]:
    """Each person and placement, with the first bout of each activity to teach and the rest to be
    scored.

    Where a person has a single bout of an activity, as in DSADS, where each activity is one
    recording of five minutes, its first half teaches; half a minute is left out between. Of these
    each recording teaches, since lying on the back and on the side are one activity here.
    """
    wearer = np.char.add(np.char.add(answers.subject.astype(str), "/"), answers.placement)
    for each in dict.fromkeys(wearer.tolist()):
        one = answers.select(wearer == each)
        scored = np.ones(len(one.label), bool)
        lessons: dict[int, list[Answers]] = {}
        for activity in np.unique(one.label):
            rows = np.flatnonzero(one.label == activity)
            bouts = list(dict.fromkeys(one.bout[rows].tolist()))
            halves = len(bouts) == 1 or one.dataset[0] == "dsads"
            for bout in bouts if halves else bouts[:1]:
                own = rows[one.bout[rows] == bout]
                taught = own[: len(own) // 2] if halves else own
                scored[own[: len(taught) + APART] if halves else own] = False
                if len(taught):
                    lessons.setdefault(int(activity), []).append(one.select(taught))
        yield Person(int(one.subject[0]), str(one.placement[0]), lessons, one.select(scored))


def means_of(lessons: dict[int, list[Answers]], windows: int) -> tuple[np.ndarray, np.ndarray]:
    """What a profile keeps of lessons: mean features of each stretch, and its activity.

    Args:
        lessons: Stretches by activity.
        windows: How many of each teach, evenly spread; 0 for all.
    """
    means, activities = [], []
    for activity, stretches in lessons.items():
        for stretch in stretches:
            features = stretch.features
            if windows and windows < len(features):
                at = (np.arange(windows) + 0.5) * len(features) / windows
                features = features[at.astype(int)]
            means.append(features.mean(axis=0, dtype=float))
            activities.append(activity)
    return np.array(means), np.array(activities)


def with_profile(
    answers: Answers,
    lessons: dict[int, list[Answers]],
    windows: int,
    evidence: float = EVIDENCE,
    near: float = NEAR,
    leaning: float = LEANING,
) -> np.ndarray:
    """Probabilities of answers with what lessons show; arguments as `har.recognition.profile`.

    A person's own activities have the numbers after the network's.
    """
    if not lessons:
        return answers.probabilities
    means, activities = means_of(lessons, windows)
    classes = max(answers.probabilities.shape[1], activities.max() + 1)
    distance = np.full((len(answers.probabilities), classes), np.inf)
    for each, activity in zip(
        distances(answers.features, means, leaning).T, activities, strict=True
    ):
        distance[:, activity] = np.minimum(distance[:, activity], each)
    return weigh(answers.probabilities, distance, evidence, near)


def over_time(
    probabilities: np.ndarray, smoothing: Smoothing, taught: Sequence[int] = ()
) -> np.ndarray:
    """Smoothed, a person's windows one after the other, as live recognition does."""
    return smooth(
        probabilities,
        np.zeros(len(probabilities)),
        np.array(smoothing.durations),
        np.array(smoothing.priors),
        STEP,
        smoothed_as_one(smoothing.together, taught),
    )


def right(probabilities: np.ndarray, answers: Answers) -> float:
    """Share of windows recognised, all the network's activities allowed."""
    return float((probabilities.argmax(axis=1) == answers.label).mean())


def turned(answers: Answers, seed: int) -> Answers:
    """As if the phone had been put in another way up than when it was taught.

    The network's features are taken as they are: it was trained to give the same for any rotation.
    """
    features = answers.features.copy()
    features[:, -GRAVITY:] @= Rotation.random(random_state=seed).as_matrix().astype(np.float32)
    return replace(answers, features=features)


# ---- scores ----


def scores(dataset: str, one: Asked) -> list[dict[str, Any]]:
    """A row a person, placement and way of teaching.

    `accuracy` allows all the network's activities, `restricted` those of the data set alone, each
    window by itself; `smoothed` is the former over time.
    """
    rows = []
    for person in people(one.answers):
        scored, lessons = person.scored, person.lessons
        only = np.isin(np.arange(len(scored.activities)), scored.label)
        names = scored.activities.tolist()
        ways: dict[str, tuple[Answers, dict[int, list[Answers]], int]] = {
            "nothing": (scored, {}, 0)
        }
        for count in SHOWN:
            way = f"{count} window{'s' * (count > 1)}" if count else "one bout"
            ways[way] = (scored, lessons, count)
        for name in ("WALKING", "SITTING"):
            if alone := lessons.get(names.index(name)):
                way = f"5 windows of {in_words(name)} alone"
                ways[way] = (scored, {names.index(name): alone}, 5)
        if dataset in TARGETS:
            other = turned(scored, person.subject)
            ways["5 windows; phone turned since"] = (other, lessons, 5)
        for way, (answers, taught, count) in ways.items():
            probabilities = with_profile(answers, taught, count)
            smoothed = over_time(probabilities, one.smoothing, list(taught))
            rows.append(
                {
                    "dataset": dataset,
                    "shown": way,
                    "subject": person.subject,
                    "placement": person.placement,
                    "windows": len(scored.label),
                    "accuracy": right(probabilities, scored),
                    "restricted": right(probabilities * only, scored),
                    "smoothed": right(smoothed, scored),
                }
            )
    return rows


def interval(of_people: pd.Series) -> tuple[float, float]:
    """A 95 % interval of a score's mean over other people (`trials.interval`)."""
    tables = {row: np.array([value, 1.0]) for row, value in enumerate(of_people)}
    return trials.interval(tables, lambda sums: sums[..., 0] / sums[..., 1])


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a data set and way of teaching: the mean over people, with its interval.

    `worse` is the share of people and placements that are worse off by more than a point than with
    nothing shown.
    """
    found = []
    for (dataset, shown), each in rows.groupby(["dataset", "shown"], sort=False):
        row: dict[str, Any] = {"dataset": dataset, "shown": shown}
        row["people"] = each.subject.nunique()
        before = rows[(rows.dataset == dataset) & (rows.shown == "nothing")]
        for score in ("accuracy", "restricted", "smoothed"):
            of_people = each.groupby("subject")[score].mean()
            low, high = interval(of_people)
            changes = each[score].to_numpy() - before[score].to_numpy()
            row |= {
                score: of_people.mean(),
                f"{score}_low": low,
                f"{score}_high": high,
                f"{score}_worst_person": of_people.min(),
                f"{score}_worse": float((changes < -0.01).mean()),
            }
        found.append(row)
    return pd.DataFrame(found)


# ---- choosing ----

CANDIDATES: dict[str, dict[str, float]] = {
    "chosen": {},
    "evidence 2": {"evidence": 2},
    "evidence 10": {"evidence": 10},
    "leaning 0.15": {"leaning": 0.15},
    "leaning 0.6": {"leaning": 0.6},
    "leaning left out": {"leaning": 1e6},
    "near 1": {"near": 1},
    "near 3": {"near": 3},
}


def gains(one: Asked, settings: dict[str, float]) -> dict[str, float]:
    """Mean accuracy over people with all shown, and points gained with one activity shown."""
    rows = []
    for person in people(one.answers):
        answers = person.scored
        alone = [
            right(with_profile(answers, {key: lesson}, 5, **settings), answers)
            for key, lesson in person.lessons.items()
        ]
        rows.append(
            [
                right(with_profile(answers, person.lessons, 1, **settings), answers),
                right(with_profile(answers, person.lessons, 5, **settings), answers),
                np.mean(alone) - right(answers.probabilities, answers),
                np.min(alone) - right(answers.probabilities, answers),
            ]
        )
    names = ("1 window", "5 windows", "one activity, gained", "the worst of these")
    return dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True))


def choice_table(
    pairs: Sequence[tuple[tuple[str, str], str, Asked]], folds: Sequence[Asked]
) -> pd.DataFrame:
    """A row a candidate and target: means over trials in which it neither teaches nor is scored."""
    rows = []
    for candidate, settings in CANDIDATES.items():
        found = [(pair, target, gains(one, settings)) for pair, target, one in pairs]
        for target in TARGETS:
            decisive = [
                each for pair, other, each in found if target not in pair and target != other
            ]
            if decisive:
                mean = pd.DataFrame(decisive).mean().to_dict()
                rows.append(
                    {"candidate": candidate, "target": target, "trials": len(decisive), **mean}
                )
        mean = pd.DataFrame([gains(one, settings) for one in folds]).mean().to_dict()
        rows.append({"candidate": candidate, "target": "uci_har", "trials": len(folds), **mean})
    return pd.DataFrame(rows)


# ---- without labels ----

SURE, ENOUGH = 0.95, 10
"""A window teaches what it is thought to be with this probability; after so many it counts."""


def adapted(answers: Answers, smoothing: Smoothing) -> np.ndarray:
    """Smoothed probabilities where the running stream teaches a profile by its own sure answers.

    Args:
        answers: One person's, in the order of time.
        smoothing: The network's.
    """
    classes = len(answers.activities)
    sums = np.zeros((classes, answers.features.shape[1]))
    counts = np.zeros(classes)
    sure = over_time(answers.probabilities, smoothing)
    found = np.empty_like(sure)
    for row, features in enumerate(answers.features):
        known = np.flatnonzero(counts >= ENOUGH)
        found[row] = answers.probabilities[row]
        if len(known):
            distance = np.full((1, classes), np.inf)
            distance[0, known] = distances(features[None], sums[known] / counts[known, None])[0]
            found[row] = weigh(answers.probabilities[row][None], distance)[0]
        best = int(sure[row].argmax())
        if sure[row, best] >= SURE:
            sums[best] += features
            counts[best] += 1
    return over_time(found, smoothing)


def adapted_rows(dataset: str, one: Asked) -> list[dict[str, Any]]:
    """A row a person and placement: without and with adaptation, smoothed."""
    return [
        {
            "dataset": dataset,
            "subject": person.subject,
            "placement": person.placement,
            "before": right(over_time(person.scored.probabilities, one.smoothing), person.scored),
            "after": right(adapted(person.scored, one.smoothing), person.scored),
        }
        for person in people(one.answers)
    ]


def adapted_table(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a data set: means over people, and who is worse off."""
    found = []
    for dataset, each in rows.groupby("dataset", sort=False):
        change = each.after - each.before
        found.append(
            {
                "dataset": dataset,
                "before": each.groupby("subject").before.mean().mean(),
                "after": each.groupby("subject").after.mean().mean(),
                "worst_change": change.min(),
                "worse": (change < -0.01).mean(),
            }
        )
    return pd.DataFrame(found)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.teach",
        description="Score what a few windows of a person's own are worth.",
    )
    parser.add_argument("what", choices=["choose", "score", "test"])
    parser.add_argument(
        "--kept", action="store_true", help="only with networks that are there; train none"
    )
    arguments = parser.parse_args()
    what, kept = arguments.what, arguments.kept
    uci_har = of_uci_har()
    if what == "choose":
        tables = {CHOICE: choice_table(of_pairs(all_windows(), kept), held_out(uci_har, kept))}
    elif what == "score":
        every = [("uci_har", one) for one in held_out(uci_har, kept)]
        every += list(left_out(all_windows(), kept).items())
        rows = pd.DataFrame([row for dataset, one in every for row in scores(dataset, one)])
        found = [row for dataset, one in every for row in adapted_rows(dataset, one)]
        adapting = adapted_table(pd.DataFrame(found))
        tables = {PEOPLE: rows, TABLE: summary(rows), ADAPTED: adapting}
    else:
        unseen = {"uci_har": uci_har.of("test")}
        params = Params.read(PARAMS)
        ((_, one),) = asked("uci_har", params, uci_har.of("train"), unseen, False)
        tables = {TEST: summary(pd.DataFrame(scores("uci_har", one)))}
    write(tables)
    print(*tables, sep="\n")


if __name__ == "__main__":
    with in_one_line("interrupted; finished trainings are kept, and the same command goes on"):
        main()
