"""Recognition as it happens: from a phone's samples, as they come, to activities.

A bundle is all it needs. Samples at any times are brought to 50 Hz, go through the filters that the
training data went through, are divided into windows and given to the model; windows of several
streams share one run of it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from har.errors import HarError
from har.model.bundle import Bundle, Description, Outputs
from har.model.hmm import CausalSmoother
from har.model.postures import Posture
from har.recognition.profile import Profile, Taught
from har.signals.channels import TOTAL_ACC
from har.signals.filters import ArchiveFilter
from har.signals.recordings import SAMPLING_RATE, SOME_POSTURE
from har.signals.resampling import GAP, Resampler
from har.signals.sensors import (
    MAX_ACCELERATION,
    MAX_ANGULAR_RATE,
    NO_ANGULAR_RATE,
    Readings,
)

MAX_TIME = 1e11
"""Times beyond this, in seconds, are in another unit."""

MIN_INTERVAL = 5e-4
"""Samples closer to each other than this, in seconds, come of no phone's sensor."""

THRESHOLD = 0.5
"""Probability below which a prediction is not accepted, by default."""

NOT_FINITE = "not a finite number"
OUT_OF_RANGE = "beyond what a phone can measure"
NOT_LATER = "less than half a millisecond after the one before"

PROBLEMS = (
    "",
    "the acceleration is {:.2g} g long, less than gravity: "
    "is gravity left out of it, or is it in g and not in m/s2?",
    "the acceleration is {:.2g} g long, far more than gravity: is it in m/s2?",
    "the phone turns at {:.2g} rad/s without pause: is that in deg/s?",
)
"""What is wrong with readings that no worn phone makes, by the model's `problem`."""


@dataclass(frozen=True)
class Prediction:
    """What a window says.

    Attributes:
        time: Of the window's last sample, s, by the phone's clock.
        activity: The likeliest activity; or `SOME_POSTURE`, "STILL", where that is a posture that
            cannot be told from the others, or is less likely than the threshold and the postures
            together are not.
        probability: Of that.
        probabilities: float64 (activities,), of each, in the order of the stream's `activities`.
        novelty: How unlike the training data the window is; above 1 it is not to be relied on.
        known: Whether it is accepted: the probability reaches the threshold, and the novelty is at
            most 1, or no more than that of what a profile was shown of the activity.
        features: (features,), of the model: what a profile can be taught.
        profile: Name of the profile that took part, or "".
    """

    time: float
    activity: str
    probability: float
    probabilities: np.ndarray
    novelty: float
    known: bool
    features: np.ndarray
    profile: str = ""


@dataclass(frozen=True)
class WindowBatch:
    """Windows that became complete with a block of samples.

    Attributes:
        times: (windows,) of each window's last sample, s.
        signals: float32 (windows, size, 9), the `BASE_CHANNELS`.
        fresh: bool (windows,), the first one since the stream began or began anew.
    """

    times: np.ndarray
    signals: np.ndarray
    fresh: np.ndarray


class Stream:
    """One phone's samples on their way to windows; made by `Recognizer.stream`.

    Args:
        size: Samples a window.
        hop: Samples from one window's start to the next's.
        gap: Seconds without a sample after which windows begin anew.
        readings: What the samples mean.
        settled: As for `ArchiveFilter`.
        smoothing: Weigh each window in the light of those before it.
        gyroscope: Whether the model needs angular rate; if not, it is not looked at.
        activities: What its predictions tell apart.
        taught: What its wearer has shown, if anything.
        posture: Tells postures apart by the phone's angle, where its place is known.

    Attributes:
        hop: As given.
        smoothing: As given.
        activities: As given.
        taught: As given.
        samples: Samples taken so far.
        rejected: How many were not, by reason.
        rejected_windows: Windows whose readings cannot be, such as those in another unit.
        restarts: How often the windows began anew after a gap or a jump of the clock.
        problem: What seems wrong with the last window's readings, such as another unit; empty if
            nothing does.
        smoother: Of its predictions; the recognizer's.
        posture: As given; the recognizer's.
    """

    def __init__(
        self,
        size: int,
        hop: int,
        gap: float,
        readings: Readings,
        settled: bool,
        smoothing: bool,
        gyroscope: bool,
        activities: Sequence[str],
        taught: Taught | None,
        posture: Posture | None,
    ) -> None:
        self.hop, self.smoothing, self._gyroscope = hop, smoothing, gyroscope
        self.activities, self.taught, self.posture = list(activities), taught, posture
        self._size, self._gap = size, gap
        self._readings, self._settled = readings, settled
        self.samples = self.restarts = self.rejected_windows = 0
        self.rejected: Counter[str] = Counter()
        self.problem = ""
        self.smoother: CausalSmoother | None = None
        self._begin()

    def _begin(self) -> None:
        self._resampler = Resampler(columns=6)
        self._filter = ArchiveFilter(self._settled)
        self._rows = np.zeros((0, 9), np.float32)
        self._first_row = 0
        self._next_start = 0
        self._newest: float | None = None

    @property
    def due(self) -> float:
        """Time of the sample that completes the next window, s; samples before it can wait."""
        if self._newest is None:
            return -np.inf
        # One sample more than the window's own: the median waits for it.
        return self._resampler.start + (self._next_start + self._size) / SAMPLING_RATE

    def push(
        self, times: np.ndarray, acceleration: np.ndarray, angular_rate: np.ndarray | None = None
    ) -> WindowBatch:
        """Take samples.

        Args:
            times: (samples,) in s.
            acceleration: (samples, 3), gravity included, in the unit of `readings`.
            angular_rate: (samples, 3), likewise; None where the model needs none.

        Returns:
            The windows that they complete.

        Raises:
            HarError: The arrays do not have these shapes, or angular rate is needed and not there.
        """
        if not self._gyroscope:
            angular_rate = np.zeros_like(acceleration, float)
        elif angular_rate is None:
            raise HarError(NO_ANGULAR_RATE)
        times, acceleration, angular_rate = (
            np.asarray(each, float) for each in (times, acceleration, angular_rate)
        )
        count = times.shape[0] if times.ndim == 1 else -1
        if acceleration.shape != (count, 3) or angular_rate.shape != (count, 3):
            raise HarError(
                f"times, acceleration and angular rate have the shapes {times.shape}, "
                f"{acceleration.shape}, {angular_rate.shape}; should be (n,), (n, 3), (n, 3)"
            )
        with np.errstate(invalid="ignore", over="ignore"):
            converted = self._readings.convert(acceleration, angular_rate)
            sane = self._sane(times, converted)
        batches = [
            self._windows(*part) for part in self._ordered(times[sane], converted[sane])
        ] or [self._windows(times[:0], converted[:0])]
        return WindowBatch(
            np.concatenate([batch.times for batch in batches]),
            np.concatenate([batch.signals for batch in batches]),
            np.concatenate([batch.fresh for batch in batches]),
        )

    def _sane(self, times: np.ndarray, converted: np.ndarray) -> np.ndarray:
        finite = np.isfinite(times) & np.isfinite(converted).all(axis=1)
        limits = np.repeat([MAX_ACCELERATION, MAX_ANGULAR_RATE], 3)
        in_range = (np.abs(converted) <= limits).all(axis=1) & (np.abs(times) <= MAX_TIME)
        self._reject(NOT_FINITE, ~finite)
        self._reject(OUT_OF_RANGE, finite & ~in_range)
        sane: np.ndarray = finite & in_range
        return sane

    def _reject(self, reason: str, which: np.ndarray) -> None:
        if count := int(np.count_nonzero(which)):
            self.rejected[reason] += count

    def _ordered(
        self, times: np.ndarray, samples: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Stretches of samples in order, without gaps; the stream begins anew between them."""
        while len(times):
            newest = times[0] - 1 if self._newest is None else self._newest
            before = np.maximum.accumulate(np.concatenate([[newest], times[:-1]]))
            later = times - before
            if self._newest is None:
                later[0] = MIN_INTERVAL
            # Forward it is a gap, back a clock that was set: what follows begins anew.
            jumps = np.flatnonzero(np.abs(later) > self._gap)
            end = int(jumps[0]) if len(jumps) else len(times)
            in_order = later[:end] >= MIN_INTERVAL
            self._reject(NOT_LATER, ~in_order)
            if end:
                self._newest = float(max(before[end - 1], times[end - 1]))
                self.samples += int(np.count_nonzero(in_order))
                yield times[:end][in_order], samples[:end][in_order]
            times, samples = times[end:], samples[end:]
            if len(times):
                self.restarts += 1
                self._begin()

    def _windows(self, times: np.ndarray, samples: np.ndarray) -> WindowBatch:
        even = self._resampler.resample(times, samples)
        filtered = self._filter.filter(even[:, :3], even[:, 3:]).astype(np.float32)
        rows = np.concatenate([self._rows, filtered])
        end = self._first_row + len(rows)
        starts = np.arange(self._next_start, end - self._size + 1, self.hop)
        self._next_start += len(starts) * self.hop
        drop = min(self._next_start, end) - self._first_row
        offsets = starts - self._first_row
        signals = rows[offsets[:, None] + np.arange(self._size)]
        self._rows = rows[drop:].copy()
        self._first_row += drop
        last = (starts + self._size - 1) / SAMPLING_RATE
        return WindowBatch(self._resampler.start + last, signals, starts == 0)


class Recognizer:
    """A trained model at work on any number of streams.

    Args:
        bundle: The trained model.
        hop: Samples at 50 Hz from one prediction to the next; by default the training windows'.
        smoothing: Weigh each window in the light of those before it (`har.model.hmm`).
        threshold: Probability below which an activity is not accepted; see `Prediction`.
        gap: Seconds without a sample after which windows begin anew; shorter gaps are bridged by
            straight lines.
        profile: What the wearer of every stream has shown, if anything.

    Raises:
        HarError: An argument is out of range, or the profile was made with another model.
    """

    def __init__(
        self,
        bundle: Bundle,
        hop: int | None = None,
        smoothing: bool = True,
        threshold: float = THRESHOLD,
        gap: float = GAP,
        profile: Profile | None = None,
    ) -> None:
        self.hop = _checked_hop(bundle.description.step if hop is None else hop)
        if not 0 <= threshold <= 1:
            raise HarError(f"threshold={threshold}: should be between 0 and 1")
        if not gap > 1 / SAMPLING_RATE:
            raise HarError(f"gap={gap}: should be more than {1 / SAMPLING_RATE:g} seconds")
        self.smoothing, self.threshold, self.gap = smoothing, threshold, gap
        self.bundle, self.profile = bundle, profile
        self._postures = [
            self.description.activities.index(name) for name in self.description.postures
        ]
        self._taught = None if profile is None else Taught(profile, self.description)

    @property
    def description(self) -> Description:
        """The bundle's description."""
        return self.bundle.description

    @property
    def activities(self) -> list[str]:
        """What predictions tell apart: the model's activities, then the profile's own."""
        return (self.description if self._taught is None else self._taught).activities

    def stream(
        self,
        readings: Readings | None = None,
        settled: bool = True,
        hop: int | None = None,
        smoothing: bool | None = None,
        profile: Profile | None = None,
        placement: str | None = None,
        up: np.ndarray | None = None,
    ) -> Stream:
        """A new stream.

        Args:
            readings: What its samples mean; g and rad/s along UCI HAR's axes by default.
            settled: As for `ArchiveFilter`.
            hop: As for `Recognizer`, whose own it has by default.
            smoothing: Likewise.
            profile: What its wearer has shown (`har.recognition.profile`); the recognizer's own by
                default.
            placement: Where the phone is worn, a key of `har.model.postures.PARTS`, if that is
                known. Once its wearer has walked, postures are told apart by the phone's angle.
                It is not looked at with a profile that was shown a posture, which knows more.
            up: As for `har.model.postures.Posture`, if that is known before.

        Raises:
            HarError: `hop` is out of range, the profile was made with another model, or the model
                makes nothing of `placement`.
        """
        hop = self.hop if hop is None else _checked_hop(hop)
        description = self.description
        taught = self._taught if profile is None else Taught(profile, description)
        posture = None
        if placement is not None:
            known = description.angles, description.activities
            posture = Posture(*known, placement, hop / SAMPLING_RATE, up)
        if taught is not None and taught.shown & set(self._postures):
            posture = None
        return Stream(
            description.window_size,
            hop,
            self.gap,
            readings or Readings(),
            settled,
            self.smoothing if smoothing is None else smoothing,
            description.needs_gyroscope,
            description.activities if taught is None else taught.activities,
            taught,
            posture,
        )

    def push(
        self,
        stream: Stream,
        times: np.ndarray,
        acceleration: np.ndarray,
        angular_rate: np.ndarray | None = None,
    ) -> list[Prediction]:
        """Take samples of a stream, and say what the windows are that they complete.

        Args:
            stream: Made by `stream`.
            times: As for `Stream.push`.
            acceleration: Likewise.
            angular_rate: Likewise.
        """
        return self.recognize([(stream, stream.push(times, acceleration, angular_rate))])[0]

    def recognize(self, batches: Sequence[tuple[Stream, WindowBatch]]) -> list[list[Prediction]]:
        """Recognise windows of several streams in one run of the model.

        Args:
            batches: Each stream with what its `push` returned, as often and in the order that it
                did.

        Returns:
            The predictions of each. Windows with readings that no worn phone makes are left out,
            and the stream's `problem` says why.
        """
        signals = [batch.signals for _, batch in batches if len(batch.times)]
        if not signals:
            return [[] for _ in batches]
        outputs = self.bundle.predict(np.concatenate(signals))
        found, row = [], 0
        for stream, batch in batches:
            rows = slice(row, row + len(batch.times))
            found.append(self._predictions(stream, batch, outputs, range(rows.start, rows.stop)))
            row = rows.stop
        return found

    def _predictions(
        self, stream: Stream, batch: WindowBatch, outputs: Outputs, rows: range
    ) -> list[Prediction]:
        made = []
        for time, signals, fresh, row in zip(
            batch.times, batch.signals, batch.fresh, rows, strict=True
        ):
            if fresh:
                stream.smoother = None
            stream.problem = PROBLEMS[outputs.problem[row]].format(outputs.reading[row])
            if stream.problem:
                stream.rejected_windows += 1
                continue
            probabilities, taught = outputs.probabilities[row], stream.taught
            if taught is not None:
                here = slice(row, row + 1)
                probabilities = taught.probabilities(
                    outputs.probabilities[here], outputs.features[here]
                )[0]
            if stream.smoothing:
                stream.smoother = stream.smoother or self._smoother(stream)
                probabilities = stream.smoother.update(probabilities)
            if stream.posture is not None:
                acceleration = signals[:, TOTAL_ACC].mean(axis=0, dtype=float)
                probabilities = stream.posture.update(float(time), acceleration, probabilities)
            activity, probability = self._answer(probabilities, stream)
            novelty = float(outputs.novelty[row])
            most = 1.0 if taught is None else taught.most_novel(activity)
            made.append(
                Prediction(
                    time=float(time),
                    activity=activity,
                    probability=probability,
                    probabilities=probabilities,
                    novelty=novelty,
                    known=probability >= self.threshold and novelty <= most,
                    features=outputs.features[row],
                    profile="" if taught is None else taught.profile.name,
                )
            )
        return made

    def _answer(self, probabilities: np.ndarray, stream: Stream) -> tuple[str, float]:
        """The likeliest activity, or any posture, with its probability."""
        best = int(probabilities.argmax())
        still = float(probabilities[self._postures].sum())
        if best in self._postures and best not in self._named_postures(stream):
            return SOME_POSTURE, still
        if probabilities[best] < self.threshold <= still:
            return SOME_POSTURE, still
        return stream.activities[best], float(probabilities[best])

    def _named_postures(self, stream: Stream) -> set[int]:
        """The postures that can be told from the others.

        A model that knows the mounting knows them all. Any other needs to have been shown them, or
        the phone's angle at a place that is told.
        """
        postures = set(self._postures)
        if not self.description.angles or (stream.posture and stream.posture.up is not None):
            return postures
        return set() if stream.taught is None else postures & stream.taught.shown

    def _smoother(self, stream: Stream) -> CausalSmoother:
        """A fresh smoother for a stream."""
        smoothing = self.description.smoothing
        if stream.taught is not None:
            smoothing = stream.taught.smoothing(smoothing)
        return CausalSmoother(
            np.array(smoothing.durations),
            np.array(smoothing.priors),
            stream.hop / SAMPLING_RATE,
            smoothing.together,
        )


def _checked_hop(hop: int) -> int:
    if not isinstance(hop, Integral) or isinstance(hop, bool) or hop < 1:
        raise HarError(f"hop={hop!r}: expected a whole number of samples, 1 or more")
    return int(hop)
