"""Sitting, standing or lying, where it is told which part of the body carries the phone.

A phone of which nobody knows the place cannot tell postures apart: in a pocket a sitting thigh lies
as a lying waist does. Told the place, it still may lie there any way up. But its wearer stands
upright when walking: the mean acceleration then shows which way up is along the phone's own axes.
The angle between that and a still window's mean acceleration is how far the part of the body leans.

On the trunk it tells lying from the others, and together with the network's answer sitting from
standing. A leg or an arm lies about level in sitting and in lying: there the angle tells standing
from the two, and which of them it is stays open.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from har.errors import HarError
from har.signals.recordings import STILL

TRUNK = "trunk"
"""The part of the body whose angle differs in every posture."""

PARTS = {
    "waist": TRUNK,
    "hip": TRUNK,
    "torso": TRUNK,
    "pocket": "leg",
    "leg": "leg",
    "arm": "arm",
}
"""Placements, and the part of the body that leans with a phone there; `pocket` is of trousers."""

RESTING = ("SITTING", "LAYING")
"""Postures in which legs and arms lie about level."""

ON_FEET = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS")
"""Activities in which the body is upright."""

STEP = 5
"""Degrees in a step of angle."""

STEPS = 180 // STEP

SPREAD = 12.0
"""Standard deviation, in degrees, by which a person's angles are blurred."""

DOUBT = 0.02
"""Share of windows at an angle that says nothing, such as of a phone that was put in anew."""

SURE = 0.9
"""Probability of being `ON_FEET` from which a window shows which way up is."""

NEEDED, REMEMBERED = 5.0, 20.0
"""Seconds on foot before the angle counts, and by how many up is averaged."""

PAUSE = 10.0
"""Seconds without a window after which the phone may lie another way."""


def part_of(placement: str) -> str:
    """The part of the body that carries the phone.

    Args:
        placement: As told, a key of `PARTS`, or of a data set, such as `left_leg`; others have the
            part "".
    """
    return PARTS.get(placement.removeprefix("left_").removeprefix("right_"), "")


def angle_between(direction: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Angles in degrees between vectors (..., 3) and another one (3,), of any lengths."""
    lengths = np.linalg.norm(direction, axis=-1) * np.linalg.norm(up)
    cosine = direction @ up / np.maximum(lengths, 1e-9)
    angle: np.ndarray = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return angle


def learn_angles(
    acceleration: np.ndarray,
    activity: np.ndarray,
    subject: np.ndarray,
    placement: np.ndarray,
) -> dict[str, dict[str, list[float]]]:
    """How likely each angle to upright is, in each posture.

    Args:
        acceleration: (windows, 3), mean of each window in g, gravity included.
        activity: str (windows,), of training people.
        subject: int (windows,).
        placement: str (windows,).

    Returns:
        By part of the body and posture (all of `STILL`), the share of windows in each step of
        `STEP` degrees; each person and placement counts alike. A posture that nobody was in with
        a phone there has the mean over the other parts. On others than the `TRUNK`, those that
        are `RESTING` have the mean of these. There is nothing for a part on which nobody walked.
    """
    of_people: dict[str, dict[str, list[np.ndarray]]] = {}
    for person in np.unique(subject):
        for place in np.unique(placement[subject == person]):
            rows = (subject == person) & (placement == place)
            on_feet = rows & np.isin(activity, ON_FEET)
            if not (part := part_of(place)) or not on_feet.any():
                continue
            up = acceleration[on_feet].mean(axis=0)
            here = of_people.setdefault(part, {})
            for posture in STILL:
                still = rows & (activity == posture)
                if still.any():
                    angles = angle_between(acceleration[still], up)
                    here.setdefault(posture, []).append(_shares(angles))
    anywhere: dict[str, list[np.ndarray]] = {}
    for here in of_people.values():
        for posture, shares in here.items():
            anywhere.setdefault(posture, []).extend(shares)
    nothing = [np.full(STEPS, 1 / STEPS)]
    found: dict[str, dict[str, list[float]]] = {}
    for part, here in of_people.items():
        mean = {
            posture: np.mean(here.get(posture, anywhere.get(posture, nothing)), axis=0)
            for posture in STILL
        }
        if part != TRUNK:
            resting = np.mean([mean[posture] for posture in RESTING], axis=0)
            mean |= dict.fromkeys(RESTING, resting)
        found[part] = {posture: shares.tolist() for posture, shares in mean.items()}
    return found


def _shares(angles: np.ndarray) -> np.ndarray:
    """Share of a person's windows in each step, blurred, (steps,)."""
    middles = (np.arange(STEPS) + 0.5) * STEP
    # Mirrored at both ends, beyond which there is no angle.
    every = np.concatenate([angles, -angles, 360 - angles])
    near = np.exp(-0.5 * ((middles[:, None] - every) / SPREAD) ** 2).sum(axis=1)
    shares: np.ndarray = (1 - DOUBT) * near / near.sum() + DOUBT / STEPS
    return shares


class Posture:
    """What a phone's angle says of its wearer's posture, window by window.

    Args:
        angles: Of a bundle (`learn_angles`).
        activities: The bundle's.
        placement: A key of `PARTS`.
        seconds: Time from window to window, s.
        up: (3,), which way up is along the phone's axes, if that is known from the rest of the
            recording; its length does not matter.

    Raises:
        HarError: There is no such placement, or nothing was learnt about it.
    """

    def __init__(
        self,
        angles: Mapping[str, Mapping[str, Sequence[float]]],
        activities: Sequence[str],
        placement: str,
        seconds: float,
        up: np.ndarray | None = None,
    ) -> None:
        known = [name for name, part in PARTS.items() if part in angles]
        if not known:
            raise HarError("this model makes nothing of a placement: leave it out")
        if placement not in known:
            raise HarError(f"{placement:.40}: not a placement; it should be {', '.join(known)}")
        self._postures = [activities.index(name) for name in activities if name in STILL]
        self._on_feet = [activities.index(name) for name in activities if name in ON_FEET]
        self._part = PARTS[placement]
        of_part = angles[self._part]
        self._shares = np.array([of_part[activities[index]] for index in self._postures])
        self._seconds, self._given = seconds, up
        self._last: float | None = None
        self._begin()

    def _begin(self) -> None:
        self._up = self._given
        self._walked = 0.0 if self._up is None else NEEDED

    @property
    def up(self) -> np.ndarray | None:
        """Which way up is by what is known so far, (3,); None before `NEEDED` seconds on foot."""
        return self._up if self._walked >= NEEDED else None

    def update(
        self, time: float, acceleration: np.ndarray, probabilities: np.ndarray
    ) -> np.ndarray:
        """The probabilities (classes,) of the next window in the light of its angle.

        Args:
            time: Of its last sample, s.
            acceleration: (3,), its mean in g, gravity included.
            probabilities: (classes,), what else is known. The postures together keep theirs.
        """
        if self._last is not None and not 0 <= time - self._last <= PAUSE:
            self._begin()
        self._last = time
        if probabilities[self._on_feet].sum() >= SURE:
            self._walked += self._seconds
            share = self._seconds / min(self._walked, REMEMBERED)
            before = acceleration if self._up is None else self._up
            self._up = before + min(share, 1.0) * (acceleration - before)
        if self.up is None:
            return probabilities
        angle = float(angle_between(acceleration, self.up))
        likely = self._shares[:, min(int(angle / STEP), STEPS - 1)]
        if self._part == TRUNK:  # else what the network tells apart is not to be relied on
            likely = likely * np.maximum(probabilities[self._postures], 1e-9)
        found = np.array(probabilities, float)
        found[self._postures] = found[self._postures].sum() * likely / likely.sum()
        return found
