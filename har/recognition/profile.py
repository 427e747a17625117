"""What a person has shown: a few windows of their own activities, and the answers that follow.

A network trained on others knows how people walk; how this person walks, and how the phone lies on
them when they sit, a few seconds of each tell. Nothing is trained: a profile keeps the mean of what
was shown (prototypes; Snell, Swersky, Zemel 2017, https://arxiv.org/abs/1703.05175), and a window's
nearness to it is evidence that is weighed together with the network's own answer.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from har.errors import HarError, reason_of
from har.files import replacing_file
from har.model.bundle import Description, Smoothing
from har.signals.recordings import ACTIVITIES, SOME_POSTURE, in_words

EVIDENCE = 5.0
"""Evidence of a distance of 1, in units of log-probability."""

NEAR = 2.0
"""Distance of what is shown from what has not been shown: nearer, it is the former."""

LEANING = 0.3
"""Difference of mean acceleration, in g, that begins to tell one way of holding the phone from
another. Far beyond it nothing is added: a phone that was put in another way up is no news."""

GRAVITY = 3
"""Of a window's features, the last ones: its mean acceleration in g."""

SMALLEST = 1e-12
"""Probabilities count as no less where their logarithm is taken."""

MAX_SHOWN = 500
"""Stretches in a profile, at most."""

MAX_SIZE = 1 << 20
"""Bytes of a profile's file, at most."""

NAME = r"[^\W_][\w -]{0,39}"
"""Names of profiles and, in capitals and without spaces, of a person's own activities."""

Number = Annotated[float, Field(ge=-1e6, le=1e6)]


class Shown(BaseModel):
    """A stretch of windows of one activity.

    Attributes:
        activity: One of the model's, or one of the person's own, such as `CYCLING`.
        windows: How many there were.
        mean: Of their features (`har.model.embedding`).
        novelty: The largest of theirs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    activity: str
    windows: int = Field(ge=1, le=10**6)
    mean: list[Number] = Field(min_length=GRAVITY + 1, max_length=4096)
    novelty: float = Field(ge=0, le=1e9)

    @model_validator(mode="after")
    def _has_a_name(self) -> "Shown":
        try:
            named = activity_named(self.activity)
        except HarError as error:
            raise ValueError(str(error)) from None
        if named != self.activity:
            raise ValueError(f"activity {self.activity}: should be {named}")
        return self


class Profile(BaseModel):
    """All that a person has shown.

    Attributes:
        format: Version of this layout.
        name: Whose it is; shown with every answer.
        model_sha256: Of the model that made the features; with another one it means nothing.
        shown: In the order in which it was shown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format: Literal[1] = 1
    name: str = Field(pattern=f"^{NAME}$")
    model_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    shown: list[Shown] = Field(default=[], max_length=MAX_SHOWN)

    @model_validator(mode="after")
    def _parts_fit_each_other(self) -> "Profile":
        if len({len(each.mean) for each in self.shown}) > 1:
            raise ValueError("shown: means of several lengths")
        return self

    @property
    def windows(self) -> dict[str, int]:
        """How many windows of each activity were shown."""
        counts: dict[str, int] = {}
        for each in self.shown:
            counts[each.activity] = counts.get(each.activity, 0) + each.windows
        return counts

    def own(self, activities: Sequence[str]) -> list[str]:
        """The person's own activities: those that are none of the model's."""
        return [name for name in self.windows if name not in activities]


def named(text: str) -> str:
    """The name of a profile.

    Raises:
        HarError: It cannot be one.
    """
    if not re.fullmatch(NAME, text):
        raise HarError(
            f"{text!r:.60}: a profile's name should be a word or a few, at most 40 letters"
        )
    return text


def spelt(activity: str) -> list[str]:
    """How a person may spell one of the `ACTIVITIES`, the usual way first."""
    return [in_words(activity), activity.lower().replace("_", " ")]


def activity_named(text: str) -> str:
    """The name in files of an activity that a person writes in words, such as `Walking upstairs`.

    Raises:
        HarError: It cannot be a name.
    """
    words = " ".join(text.lower().replace("_", " ").split())
    for activity in ACTIVITIES:
        if words in spelt(activity):
            return activity
    name = words.upper().replace(" ", "_")
    if name == SOME_POSTURE or not re.fullmatch(NAME, words):
        raise HarError(
            f"activity {text!r:.60}: should be {', '.join(in_words(each) for each in ACTIVITIES)}, "
            "or one of your own in a few words, such as cycling"
        )
    return name


def teach(
    profile: Profile, activity: str, features: np.ndarray, novelty: Sequence[float] | np.ndarray
) -> Profile:
    """A profile that knows another stretch of windows.

    Args:
        profile: What was shown before.
        activity: What the person did, as for `activity_named`.
        features: (windows, features), of `har.model.bundle.Outputs`; one window or more.
        novelty: (windows,), likewise.

    Raises:
        HarError: There is no window, or the activity cannot be a name.
    """
    if not len(features):
        raise HarError(f"{activity}: no window to learn from")
    stretch = Shown(
        activity=activity_named(activity),
        windows=len(features),
        mean=np.round(np.mean(features, axis=0, dtype=float), 4).tolist(),
        novelty=round(float(np.max(novelty)), 4),
    )
    return profile.model_copy(update={"shown": [*profile.shown, stretch]})


def forget(profile: Profile, activity: str) -> Profile:
    """A profile without what was shown of an activity.

    Raises:
        HarError: Nothing was.
    """
    name = activity_named(activity)
    left = [each for each in profile.shown if each.activity != name]
    if len(left) == len(profile.shown):
        raise HarError(f"profile {profile.name}: {in_words(name)} was not shown")
    return profile.model_copy(update={"shown": left})


def distances(features: np.ndarray, means: np.ndarray, leaning: float = LEANING) -> np.ndarray:
    """How far windows are from what was shown: (windows, stretches).

    Args:
        features: (windows, features), of `har.model.bundle.Outputs`.
        means: (stretches, features).
        leaning: As `LEANING`.
    """
    found = np.empty((len(features), len(means)))
    for column, mean in enumerate(means):
        apart = (features - mean) ** 2
        leant = apart[:, -GRAVITY:].sum(axis=1) / leaning**2
        found[:, column] = apart[:, :-GRAVITY].sum(axis=1) + np.log1p(leant)
    return found


def weigh(
    probabilities: np.ndarray, distance: np.ndarray, evidence: float = EVIDENCE, near: float = NEAR
) -> np.ndarray:
    """Probabilities (windows, activities) in the light of distances.

    What was not shown is as far away as the nearest of all that was, `near` at least: far from
    everything shown the network's answer stays as it is. A person's own activity has the
    probability of the network's favourite before its distance is looked at.

    Args:
        probabilities: (windows, activities of the network).
        distance: (windows, activities), a person's own last; infinite for what was not shown.
        evidence: As `EVIDENCE`.
        near: As `NEAR`.
    """
    nearest = np.maximum(distance.min(axis=1, keepdims=True), near)
    distance = np.where(np.isinf(distance), nearest, distance)
    best = probabilities.max(axis=1, keepdims=True)
    own = np.repeat(best, distance.shape[1] - probabilities.shape[1], axis=1)
    prior = np.log(np.maximum(np.hstack([probabilities, own]), SMALLEST))
    score = prior - evidence * distance
    weighed = np.exp(score - score.max(axis=1, keepdims=True))
    shares: np.ndarray = weighed / weighed.sum(axis=1, keepdims=True)
    return shares


def smoothed_as_one(together: Sequence[int], shown: Sequence[int] | np.ndarray) -> list[int]:
    """Postures that are smoothed over time as one: those shown no more, once there are two.

    Args:
        together: As in `har.model.bundle.Smoothing`.
        shown: Indices of the activities that were shown.
    """
    left = [index for index in together if index not in shown]
    if len(together) - len(left) < 2:
        return list(together)
    return left if len(left) > 1 else []


class Taught:
    """A profile at work beside a model.

    Args:
        profile: What a person has shown.
        description: The model's.

    Raises:
        HarError: The profile was made with another model.

    Attributes:
        activities: The model's, then the person's own.
        shown: Indices of those that were shown.
    """

    def __init__(self, profile: Profile, description: Description) -> None:
        if profile.model_sha256 != description.model_sha256:
            raise HarError(
                f"profile {profile.name} was made with another model "
                f"({profile.model_sha256[:12]}, not {description.model_sha256[:12]}): teach it anew"
            )
        self.profile = profile
        self.activities = [*description.activities, *profile.own(description.activities)]
        self._known = len(description.activities)
        self._means = np.array([each.mean for each in profile.shown], float)
        self._of = np.array([self.activities.index(each.activity) for each in profile.shown], int)
        self.shown = set(self._of.tolist())

    def probabilities(self, probabilities: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Probabilities (windows, activities) in the light of what was shown.

        The evidence for an activity falls with the distance to the nearest stretch of it.

        Args:
            probabilities: (windows, activities of the model).
            features: (windows, features).
        """
        if not len(self._of):
            return probabilities
        if features.shape[1] != self._means.shape[1]:
            raise HarError(f"profile {self.profile.name} is damaged: teach it anew")
        distance = np.full((len(features), len(self.activities)), np.inf)
        for each, activity in zip(distances(features, self._means).T, self._of, strict=True):
            distance[:, activity] = np.minimum(distance[:, activity], each)
        return weigh(probabilities, distance)

    def smoothing(self, usual: Smoothing) -> Smoothing:
        """What smoothing over time needs, with a person's own activities.

        These last as long, and are as frequent, as the others are on average.
        """
        more = len(self.activities) - self._known
        priors = np.array([*usual.priors, *[float(np.mean(usual.priors))] * more])
        return Smoothing(
            durations=[*usual.durations, *[float(np.mean(usual.durations))] * more],
            priors=(priors / priors.sum()).tolist(),
            together=smoothed_as_one(usual.together, self._of),
        )

    def most_novel(self, activity: str) -> float:
        """How novel a window may be with this answer: as the most novel that was shown, or 1."""
        shown = [each.novelty for each in self.profile.shown if each.activity == activity]
        return max([1.0, *shown])


def save(path: Path, profile: Profile) -> None:
    """Write a profile as JSON, to read and to carry elsewhere.

    Raises:
        HarError: It is more than `load` takes; nothing is written.
    """
    content = as_json(profile).encode()
    if len(profile.shown) > MAX_SHOWN or len(content) > MAX_SIZE:
        raise HarError(
            f"{path} is not written: a profile holds {MAX_SHOWN} stretches in {MAX_SIZE:,} bytes, "
            f"and this one would have {len(profile.shown)} in {len(content):,}; forget some, or "
            "show fewer"
        )
    with replacing_file(path) as partial:
        partial.write_bytes(content)


def as_json(profile: Profile) -> str:
    """A profile's JSON, a line a stretch."""
    head = json.dumps(profile.model_dump(exclude={"shown"}), ensure_ascii=False).rstrip("}")
    stretches = (json.dumps(each.model_dump(), ensure_ascii=False) for each in profile.shown)
    return head + ', "shown": [\n  ' + ",\n  ".join(stretches) + "\n]}\n"


def load(path: Path) -> Profile:
    """Read what `save` wrote.

    Raises:
        HarError: The file is not there, or is no profile.
    """
    try:
        if path.stat().st_size > MAX_SIZE:
            raise HarError(f"{path} is no profile: it has more than {MAX_SIZE:,} bytes")
        return parse(path.read_bytes(), str(path))
    except (FileNotFoundError, NotADirectoryError):
        raise HarError(f"{path}: no profile there; `har teach` makes one") from None
    except OSError as error:
        raise HarError(f"{path}: {error.strerror}") from None


def parse(content: bytes, source: str) -> Profile:
    """The profile of which `as_json` made this.

    Args:
        content: UTF-8.
        source: What an error calls it.

    Raises:
        HarError: It is no profile.
    """
    try:
        return Profile.model_validate_json(content)
    except ValidationError as error:
        raise HarError(f"{source} is no profile ({reason_of(error)})") from None
