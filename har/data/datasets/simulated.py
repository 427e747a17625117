"""Simulated recordings: a seeded model of how a phone at the waist moves, in UCI HAR's file layout.

They let the whole pipeline run where the published data set cannot be had. Nobody was measured: a
score on them shows that the code works, and says nothing about people.

Each person has a way of wearing the phone, postures, gaits and sensor errors of their own, and goes
through the activities in rounds, without a break. The movement is made in a body frame (x up, y
right, z forward) as the direction of the vertical, the acceleration of the waist and its turning
about the vertical; what both sensors read follows from these. The readings of a whole session pass
the archive's filters, and the bouts are cut out of the result. Postures overlap and gaits resemble
each other, so that some windows can be taken for another activity, as in real recordings.

All figures below are rounded choices, of the size seen in UCI HAR's training recordings.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfilt
from scipy.spatial.transform import Rotation

from har.data.archive import Archive
from har.data.datasets import uci_har
from har.data.datasets.sources import Sources
from har.errors import HarError
from har.signals.filters import filter_recording
from har.signals.recordings import (
    BASE_CHANNELS,
    SAMPLING_RATE,
    UCI_HAR_ACTIVITIES,
    Recording,
)

TITLE = "simulated recordings"
CITATION = ""
LICENCE = "as this project's"
ARCHIVES: tuple[Archive, ...] = ()

SUBJECTS = range(1, 31)
"""The simulated people, numbered as in UCI HAR; the test subjects are the same numbers."""

BOUT_SECONDS = 8.0
"""Length of a bout to aim at."""

README_BEGINS = "Simulated recordings"
"""What the files are told by, so that nobody takes measured ones for simulated."""

FADE = round(2.0 * SAMPLING_RATE)
"""Samples of the change from one activity to the next."""

SETTLE = round(5.0 * SAMPLING_RATE)
"""Samples after a change that are not cut out: until then the filters (0.3 Hz) remember it."""

HARMONICS = np.arange(1, 11)
"""Multiples of the stride frequency; the even ones are those of the step frequency."""

DECIMALS = 6
"""Of the values: far below the sensors' noise, far above what differs between processors."""

Six = tuple[float, float, float, float, float, float]
"""Acceleration up, right and forward in g, then rate of yaw, pitch and roll in rad/s."""


@dataclass(frozen=True)
class Posture:
    """How the trunk is held.

    Attributes:
        up: Direction of the vertical in the body frame, before it is scaled to length 1.
        people: Standard deviation of each part of `up` from person to person.
        bouts: The same from bout to bout of one person.
        sway: Standard deviation of the tilt while keeping still, rad.
        breathing: Amplitude of the tilt that comes with breathing, rad.
    """

    up: tuple[float, float, float]
    people: float
    bouts: float
    sway: float = 0.0
    breathing: float = 0.0


POSTURES = {
    "WALKING": Posture((1.0, 0.0, 0.0), people=0.02, bouts=0.02),
    # Climbing leans forward, so that the vertical moves backward in the body frame.
    "WALKING_UPSTAIRS": Posture((1.0, -0.08, -0.09), people=0.05, bouts=0.03),
    "WALKING_DOWNSTAIRS": Posture((1.0, 0.03, 0.02), people=0.04, bouts=0.03),
    # Sitting leans back, with some people and bouts no further than standing.
    "SITTING": Posture((0.93, 0.33, 0.22), people=0.1, bouts=0.1, sway=0.002, breathing=0.002),
    "STANDING": Posture((1.0, 0.02, 0.02), people=0.05, bouts=0.05, sway=0.004, breathing=0.001),
    "LAYING": Posture((-0.08, 0.7, 0.55), people=0.2, bouts=0.12, sway=0.002, breathing=0.004),
}


@dataclass(frozen=True)
class Gait:
    """How the waist moves in walking: a sum of harmonics of the stride frequency (two steps).

    Vertical and forward movement repeat with every step, so that their even harmonics are larger;
    sideways movement repeats with every stride, so that its odd ones are (Menz, Lord, Fitzpatrick:
    Acceleration patterns of the head and pelvis when walking on level and irregular surfaces, Gait
    and Posture 18, 2003). A phone at one side of the waist sees some of both in every axis.

    Attributes:
        cadence: Step frequency relative to the person's level walking.
        step: Amplitudes at the step frequency.
        stride: Amplitudes at the stride frequency.
        lag: How far each of the six follows the impacts of the feet, in strides.
        decay: Amplitudes fall with the multiple to this power; a small one means sharp impacts.
        turning: Standard deviation of slow turning, as on a staircase, in rad/s.
    """

    cadence: float
    step: Six
    stride: Six
    lag: Six
    decay: float
    turning: float


GAITS = {
    "WALKING": Gait(
        cadence=1.0,
        step=(0.24, 0.13, 0.11, 0.10, 0.18, 0.16),
        stride=(0.06, 0.07, 0.05, 0.50, 0.35, 0.25),
        lag=(0.0, 0.05, 0.15, 0.1, 0.0, 0.2),
        decay=0.9,
        turning=0.05,
    ),
    # Slower, with softer impacts and a wider swing of the trunk.
    "WALKING_UPSTAIRS": Gait(
        cadence=0.9,
        step=(0.30, 0.15, 0.11, 0.14, 0.20, 0.17),
        stride=(0.07, 0.09, 0.07, 0.33, 0.55, 0.38),
        lag=(0.0, 0.0, 0.3, 0.2, 0.2, 0.1),
        decay=1.4,
        turning=0.3,
    ),
    # Harder and sharper impacts.
    "WALKING_DOWNSTAIRS": Gait(
        cadence=1.03,
        step=(0.45, 0.14, 0.09, 0.16, 0.23, 0.21),
        stride=(0.07, 0.08, 0.05, 0.38, 0.28, 0.18),
        lag=(0.0, 0.1, 0.05, 0.0, 0.1, 0.0),
        decay=0.8,
        turning=0.3,
    ),
}


@dataclass(frozen=True)
class Person:
    """What stays the same for one person throughout the session.

    Attributes:
        mounting: (3, 3), rotation from the body frame to the phone's.
        up: By activity, (3,), the person's `Posture.up`.
        cadence: Steps a second in level walking.
        gain: By gait, (6, harmonics), factors on its amplitudes.
        phase: By gait, (6, harmonics), shifts of its harmonics in rad.
        offset: (6,), zero error of the sensors in g and rad/s.
    """

    mounting: np.ndarray
    up: dict[str, np.ndarray]
    cadence: float
    gain: dict[str, np.ndarray]
    phase: dict[str, np.ndarray]
    offset: np.ndarray


def draw_person(rng: np.random.Generator) -> Person:
    """Draw a person, whose three gaits are alike in style."""
    shape = (6, len(HARMONICS))
    own_gain, own_phase = rng.normal(0, 0.2, shape), rng.normal(0, 0.3, shape)
    # About the axes up, right and forward; worn a little to one side.
    turns = rng.normal([0, 4, -9], [12, 8, 4])
    return Person(
        mounting=Rotation.from_euler("xyz", turns, degrees=True).as_matrix(),
        up={name: rng.normal(posture.up, posture.people) for name, posture in POSTURES.items()},
        cadence=float(np.clip(rng.normal(1.8, 0.12), 1.5, 2.2)),
        gain={name: np.exp(own_gain + rng.normal(0, 0.15, shape)) for name in GAITS},
        phase={name: own_phase + rng.normal(0, 0.3, shape) for name in GAITS},
        offset=rng.normal(0, [0.02] * 3 + [0.01] * 3),
    )


def move(rng: np.random.Generator, person: Person, name: str, samples: int) -> np.ndarray:
    """Move through one bout of an activity.

    Returns:
        (samples, 7) in the body frame: the direction of the vertical (3), acceleration without
        gravity in g (3), and the rate of turning about the vertical in rad/s.
    """
    held = rng.normal(person.up[name], POSTURES[name].bouts)
    moved = _walk(rng, person, name, samples) if name in GAITS else _rest(rng, name, samples)
    moved[:, :3] += held / np.linalg.norm(held)
    return moved


def _walk(rng: np.random.Generator, person: Person, name: str, samples: int) -> np.ndarray:
    """Walk, on the level or on stairs, with a pace and strength that drift."""
    gait = GAITS[name]
    pace = rng.lognormal(0, 0.03) * np.exp(0.03 * _slow_noise(rng, samples, 1, 0.1)[:, 0])
    cadence = person.cadence * gait.cadence * pace
    stride_phase = rng.uniform(0, 2 * np.pi) + np.cumsum(np.pi * cadence / SAMPLING_RATE)

    is_step = HARMONICS % 2 == 0
    step, stride, lag = (np.array(each)[:, None] for each in (gait.step, gait.stride, gait.lag))
    multiple = np.where(is_step, HARMONICS / 2, HARMONICS)
    amplitude = np.where(is_step, step, stride) * multiple**-gait.decay
    amplitude *= person.gain[name] * rng.lognormal(0, 0.1)
    # A tilt is its rate, integrated: smaller by the angular frequency.
    amplitude[4:] /= HARMONICS * np.pi * cadence.mean()
    angle = HARMONICS * (stride_phase[:, None, None] - 2 * np.pi * lag) + person.phase[name]
    signals = (amplitude * np.cos(angle)).sum(axis=-1)
    # No two steps are alike.
    signals *= 1 + 0.15 * _slow_noise(rng, samples, 6, 0.5)
    signals += 0.2 * np.linalg.norm(amplitude, axis=-1) * _slow_noise(rng, samples, 6, 3.0)

    acceleration, yaw, pitch, roll = np.split(signals, [3, 4, 5], axis=1)
    yaw += gait.turning * _slow_noise(rng, samples, 1, 0.2)
    return np.hstack([np.zeros((samples, 1)), roll, pitch, acceleration, yaw])


def _rest(rng: np.random.Generator, name: str, samples: int) -> np.ndarray:
    """Keep still: slow sway, more in some bouts than in others, and breathing."""
    posture = POSTURES[name]
    sway = posture.sway * rng.lognormal(0, 0.75)
    breaths = rng.uniform(0.2, 0.33) * np.arange(samples) / SAMPLING_RATE + rng.uniform()
    tilt = sway * _slow_noise(rng, samples, 3, 0.7)
    tilt[:, 2] += posture.breathing * np.sin(2 * np.pi * breaths)
    acceleration = 0.3 * sway * _slow_noise(rng, samples, 3, 5.0)
    return np.hstack([tilt, acceleration, 4 * sway * _slow_noise(rng, samples, 1, 0.7)])


def _slow_noise(rng: np.random.Generator, samples: int, columns: int, cutoff: float) -> np.ndarray:
    """Noise (samples, columns) below `cutoff` in Hz, of standard deviation about 1."""
    white = rng.standard_normal((samples, columns)) * np.sqrt(SAMPLING_RATE / (2.2 * cutoff))
    noise: np.ndarray = sosfilt(butter(2, cutoff, fs=SAMPLING_RATE, output="sos"), white, axis=0)
    return noise


def draw_bouts(rng: np.random.Generator, seconds: float) -> list[tuple[str, int]]:
    """Plan a session: activity and length in samples of each bout, in order.

    Lengths are whole halves of a window, at least two, and vary; each activity's add up to
    `seconds`, rounded down to such halves.
    """
    half = uci_har.WINDOW // 2
    halves = max(2, int(seconds * SAMPLING_RATE) // half)
    rounds = max(1, min(round(seconds / BOUT_SECONDS), halves // 2))
    shares = rng.dirichlet(np.full(rounds, 5.0), size=len(UCI_HAR_ACTIVITIES))
    lengths = half * (2 + rng.multinomial(halves - 2 * rounds, shares))
    return [
        (UCI_HAR_ACTIVITIES[a], int(lengths[a, r]))
        for r in range(rounds)
        for a in range(len(lengths))
    ]


def read_sensors(rng: np.random.Generator, person: Person, movement: np.ndarray) -> np.ndarray:
    """What the phone reads: (samples, 6), acceleration in g and angular rate in rad/s."""
    up = movement[:, :3] / np.linalg.norm(movement[:, :3], axis=1, keepdims=True)
    # From a body that turns at some rate the vertical is seen to move by up x rate; solved for it.
    tilting = np.cross(np.gradient(up, 1 / SAMPLING_RATE, axis=0), up)
    turned = [up + movement[:, 3:6], tilting + movement[:, 6:] * up]
    readings = np.hstack([each @ person.mounting.T for each in turned])
    measured: np.ndarray = (
        readings + person.offset + rng.normal(0, [0.003] * 3 + [0.004] * 3, readings.shape)
    )
    return measured


def simulate_session(
    seed: int, subject: int, seconds: float
) -> tuple[np.ndarray, list[tuple[int, slice]]]:
    """Simulate one person's session, as the phone's sensors read it.

    Args:
        seed: Seed of all people.
        subject: Number of the person; the same person comes of the same seed and number.
        seconds: Length of each activity in all, s.

    Returns:
        float64 (samples, 6), acceleration in g and angular rate in rad/s; and for each bout, in
        order, the activity (index into `ACTIVITIES`) and its samples, whole halves of a window.
    """
    rng = np.random.default_rng([seed, subject])
    person = draw_person(rng)
    # The filters start at zero: the session begins with standing that is not cut out.
    plan = [("STANDING", SETTLE), *draw_bouts(rng, seconds)]
    # Each bout fades in while the one before fades out.
    ramp = (np.arange(FADE) + 0.5) / FADE
    ramp = ramp**2 * (3 - 2 * ramp)
    whole = np.zeros((sum(FADE + SETTLE + length for _, length in plan) + FADE, 7))
    bouts, start = [], 0
    for name, length in plan:
        kept = slice(start + FADE + SETTLE, start + FADE + SETTLE + length)
        weight = np.concatenate([ramp, np.ones(SETTLE + length), ramp[::-1]])[:, None]
        whole[start : kept.stop + FADE] += weight * move(rng, person, name, len(weight))
        bouts.append((UCI_HAR_ACTIVITIES.index(name), kept))
        start = kept.stop
    return read_sensors(rng, person, whole), bouts[1:]


def simulate(seed: int, subject: int, seconds: float) -> list[tuple[int, np.ndarray]]:
    """One person's session through the archive's filters, cut into its bouts.

    Args:
        seed: As for `simulate_session`.
        subject: Likewise.
        seconds: Likewise.

    Returns:
        For each bout, in order, the activity and the signals, float64 (samples, 9), the
        `BASE_CHANNELS` in g and rad/s.
    """
    readings, bouts = simulate_session(seed, subject, seconds)
    signals = filter_recording(readings[:, :3], readings[:, 3:])
    return [(activity, signals[kept]) for activity, kept in bouts]


def record(seed: int, subject: int, seconds: float) -> tuple[list[Recording], str]:
    """One person's bouts as `read` gives them, without any file: a `Piece` of as many people as are
    wanted.

    Args:
        seed: As for `simulate_session`.
        subject: Likewise, from 1. Every thirty have as many test subjects as UCI HAR.
        seconds: Likewise.

    Returns:
        The bouts, and the SHA-256 of their values.
    """
    number = (subject - 1) % len(SUBJECTS) + 1
    split = "test" if number in uci_har.OFFICIAL_TEST_SUBJECTS else "train"
    digest = hashlib.sha256()
    recordings = []
    for activity, signals in simulate(seed, subject, seconds):
        rounded = signals.round(DECIMALS).astype(np.float32)
        digest.update(rounded.astype("<f4").tobytes())
        recordings.append(
            Recording(subject, activity, split, rounded, "simulated", "waist", "simulated")
        )
    return recordings, digest.hexdigest()


def write(folder: Path, seconds: float, seed: int) -> None:
    """Write simulated recordings in UCI HAR's layout (`uci_har.FILES`).

    Args:
        folder: An existing empty folder.
        seconds: Length of each person's recording of each activity, s; there is always a window.
        seed: Seed of the people and their movements; the same seed gives the same files.
    """
    (folder / "README.txt").write_text(
        f"{README_BEGINS}, made by har/data/datasets/simulated.py with\n"
        f"seconds = {seconds:g} and seed = {seed}, in the file layout of UCI HAR.\n"
        "They come from a model of movement. They are not measurements of anybody.\n",
        encoding="ascii",
    )
    labels = "".join(
        f"{number} {name}\n" for number, name in enumerate(UCI_HAR_ACTIVITIES, start=1)
    )
    (folder / "activity_labels.txt").write_text(labels, encoding="ascii")
    for split in uci_har.SPLITS:
        test = uci_har.OFFICIAL_TEST_SUBJECTS
        subjects = [subject for subject in SUBJECTS if (subject in test) == (split == "test")]
        _write_part(folder / split, split, subjects, seconds, seed)


def _write_part(
    folder: Path, split: str, subjects: Sequence[int], seconds: float, seed: int
) -> None:
    """Write the windows of these people, each with half its samples in common with the next."""
    windows, labels, numbers = [], [], []
    for subject in subjects:
        for activity, signals in simulate(seed, subject, seconds):
            every = np.lib.stride_tricks.sliding_window_view(signals, uci_har.WINDOW, axis=0)
            windows.append(every[:: uci_har.WINDOW // 2])
            labels += [activity + 1] * len(windows[-1])
            numbers += [subject] * len(windows[-1])
    (folder / "Inertial Signals").mkdir(parents=True)
    np.savetxt(folder / f"y_{split}.txt", labels, "%d")
    np.savetxt(folder / f"subject_{split}.txt", numbers, "%d")
    for index, channel in enumerate(BASE_CHANNELS):
        values = np.concatenate([each[:, index] for each in windows])
        path = folder / "Inertial Signals" / f"{channel}_{split}.txt"
        np.savetxt(path, values, f"%.{DECIMALS}f")


def fetch(folder: Path, sources: Sources) -> None:
    """As `Dataset.fetch`."""
    write(folder, sources.simulated.seconds, sources.simulated.seed)


def read(folder: Path) -> tuple[list[Recording], str]:
    """Read what `write` wrote: the bouts, and a digest, as `uci_har.recordings_of`."""
    try:
        written = (folder / "README.txt").read_text("ascii").startswith(README_BEGINS)
    except (OSError, UnicodeDecodeError):
        written = False
    if not written:
        raise HarError(f"{folder} does not hold simulated recordings: write them again")
    return uci_har.recordings_of(uci_har.read_parts(folder), "simulated", "waist", "simulated")
