"""Recognition as it happens: from a phone's samples, as they come, to activities.

The bundle that `train` wrote is all it needs. Samples at any times are brought to 50 Hz, go through
the filters that the training data went through, and are cut into windows, scaled and given to the
network; several streams' windows share one call of it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch

from har.data.windows import step_of
from har.errors import HarError
from har.learning.networks import predict_probabilities
from har.model.bundle import Bundle, Description
from har.model.calibration import with_temperature
from har.model.hmm import CausalSmoother
from har.model.novelty import summarize
from har.signals.channels import BODY_GYRO, TOTAL_ACC, groups_of, make_channels
from har.signals.filters import ArchiveFilter
from har.signals.recordings import SAMPLING_RATE
from har.signals.resampling import GAP, Resampler
from har.signals.sensors import Readings

MAX_ACCELERATION, MAX_ANGULAR_RATE = 20.0, 40.0
"""No phone's sensors reach these, in g and rad/s."""

MAX_TIME = 1e11
"""Times beyond this, in seconds, are in another unit."""

MIN_INTERVAL = 5e-4
"""Samples closer to each other than this, in seconds, come of no phone's sensor."""

NOT_FINITE = "not a finite number"
OUT_OF_RANGE = "beyond what a phone can measure"
NOT_LATER = "not later than the sample before"

GRAVITY_RANGE = (0.3, 4.0)
"""Length of the acceleration, in g, that the median of a window of anything worn lies in."""

MAX_TURNING = 12.0
"""Root mean square of the angular rate, in rad/s, that nobody keeps up for a window."""

TOO_WEAK = (
    "the acceleration is {:.2g} g long, less than gravity: "
    "is gravity left out of it, or is it in g and not in m/s2?"
)
TOO_STRONG = "the acceleration is {:.2g} g long, far more than gravity: is it in m/s2?"
TOO_QUICK = "the phone turns at {:.2g} rad/s without pause: is that in deg/s?"


@dataclass(frozen=True)
class Prediction:
    """What a window says.

    Attributes:
        time: Of the window's last sample, s, by the phone's clock.
        activity: The likeliest activity.
        probability: Its probability.
        probabilities: float64 (activities,), of each, in the bundle's order.
        novelty: How unlike the training data the window is; above 1 it is not to be relied on.
        known: Whether to believe it: the probability reaches the threshold, the novelty stays
            below 1.
    """

    time: float
    activity: str
    probability: float
    probabilities: np.ndarray
    novelty: float
    known: bool


@dataclass(frozen=True)
class Cut:
    """Windows that became whole with a block.

    Attributes:
        times: (windows,) of each one's last sample, s.
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

    Attributes:
        hop: As given.
        smoothing: As given.
        samples: Samples taken so far.
        rejected: How many were not, by reason.
        rejected_windows: Windows whose readings cannot be, such as those in another unit.
        restarts: How often the windows began anew after a gap or a jump of the clock.
        problem: What seems wrong with the last window's readings, such as another unit; empty if
            nothing.
        smoother: Of its predictions; the recognizer's.
    """

    def __init__(
        self,
        size: int,
        hop: int,
        gap: float,
        readings: Readings,
        settled: bool,
        smoothing: bool = True,
    ) -> None:
        self.hop, self.smoothing = hop, smoothing
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
        """Time of the sample that makes the next window whole, s; samples before it can wait."""
        if self._newest is None:
            return -np.inf
        # One sample more than the window's own: the median waits for it.
        return self._resampler.start + (self._next_start + self._size) / SAMPLING_RATE

    def step(self, times: np.ndarray, acceleration: np.ndarray, angular_rate: np.ndarray) -> Cut:
        """Take samples.

        Args:
            times: (samples,) in s.
            acceleration: (samples, 3), gravity included, in the unit of `readings`.
            angular_rate: (samples, 3), likewise.

        Returns:
            The windows that are whole with them.

        Raises:
            HarError: The arrays do not have these shapes.
        """
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
        cuts = [self._cut(*part) for part in self._ordered(times[sane], converted[sane])]
        kept = [cut for cut in cuts if len(cut.times)]
        if len(kept) == 1:
            return kept[0]
        return Cut(
            np.concatenate([np.zeros(0), *(cut.times for cut in kept)]),
            np.concatenate(
                [np.zeros((0, self._size, 9), np.float32), *(cut.signals for cut in kept)]
            ),
            np.concatenate([np.zeros(0, bool), *(cut.fresh for cut in kept)]),
        )

    def _sane(self, times: np.ndarray, converted: np.ndarray) -> np.ndarray:
        finite = np.isfinite(times) & np.isfinite(converted).all(axis=1)
        limits = np.repeat([MAX_ACCELERATION, MAX_ANGULAR_RATE], 3)
        in_range = (np.abs(converted) <= limits).all(axis=1) & (np.abs(times) <= MAX_TIME)
        self._reject(NOT_FINITE, ~finite)
        self._reject(OUT_OF_RANGE, finite & ~in_range)
        return finite & in_range

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

    def _cut(self, times: np.ndarray, samples: np.ndarray) -> Cut:
        even = self._resampler.step(times, samples)
        filtered = self._filter.step(even[:, :3], even[:, 3:]).astype(np.float32)
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
        return Cut(self._resampler.start + last, signals, starts == 0)


class Recognizer:
    """A trained model at work on any number of streams.

    Args:
        bundle: The trained model.
        hop: Samples at 50 Hz from one prediction to the next; by default the training windows'.
        smoothing: Weigh each window in the light of those before it (`har.model.hmm`).
        threshold: Probability below which a prediction is not `known`.
        gap: Seconds without a sample after which windows begin anew; shorter gaps are bridged by
            straight lines.

    Raises:
        HarError: An argument is out of range.
    """

    def __init__(
        self,
        bundle: Bundle,
        hop: int | None = None,
        smoothing: bool = True,
        threshold: float = 0.5,
        gap: float = GAP,
    ) -> None:
        description = bundle.description
        step = step_of(description.window_size, description.window_overlap)
        self.hop = _checked_hop(step if hop is None else hop)
        if not 0 <= threshold <= 1:
            raise HarError(f"threshold={threshold}: should be between 0 and 1")
        if not gap > 1 / SAMPLING_RATE:
            raise HarError(f"gap={gap}: should be more than {1 / SAMPLING_RATE:g} seconds")
        self.smoothing, self.threshold, self.gap = smoothing, threshold, gap
        self._bundle = bundle
        self._groups = groups_of(description.channels)
        self._scaling = bundle.scaling
        self._step = step
        self._smoothers: dict[int, CausalSmoother] = {}

    @property
    def description(self) -> Description:
        """The bundle's description."""
        return self._bundle.description

    def stream(
        self,
        readings: Readings | None = None,
        settled: bool = True,
        hop: int | None = None,
        smoothing: bool | None = None,
    ) -> Stream:
        """A new stream.

        Args:
            readings: What its samples mean; g and rad/s along UCI HAR's axes by default.
            settled: As for `ArchiveFilter`.
            hop: As for `Recognizer`, whose own it has by default.
            smoothing: Likewise.

        Raises:
            HarError: `hop` is out of range.
        """
        return Stream(
            self.description.window_size,
            self.hop if hop is None else _checked_hop(hop),
            self.gap,
            readings or Readings(),
            settled,
            self.smoothing if smoothing is None else smoothing,
        )

    def step(
        self,
        stream: Stream,
        times: np.ndarray,
        acceleration: np.ndarray,
        angular_rate: np.ndarray,
    ) -> list[Prediction]:
        """Take samples of a stream, and say what its windows that are whole with them are.

        Args:
            stream: Made by `stream`.
            times: As for `Stream.step`.
            acceleration: Likewise.
            angular_rate: Likewise.
        """
        return self.recognize([(stream, stream.step(times, acceleration, angular_rate))])[0]

    def recognize(self, cuts: Sequence[tuple[Stream, Cut]]) -> list[list[Prediction]]:
        """Recognise windows of several streams in one call of the network.

        Args:
            cuts: Each stream with what its `step` returned, as often and in the order that it did.

        Returns:
            The predictions of each. Windows with readings that cannot be are left out, and the
            stream's `problem` says why.
        """
        good = [_believable(stream, cut) for stream, cut in cuts]
        signals = [cut.signals[its] for (_, cut), its in zip(cuts, good, strict=True) if its.any()]
        if not signals:
            return [[] for _ in cuts]
        inputs = self._scaling.apply(make_channels(np.concatenate(signals), self._groups))
        probabilities, novelty = self.classify(inputs)
        found, row = [], 0
        for (stream, cut), its in zip(cuts, good, strict=True):
            rows = slice(row, row + int(np.count_nonzero(its)))
            found.append(self._predictions(stream, cut, its, probabilities[rows], novelty[rows]))
            row = rows.stop
        return found

    def classify(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each window for itself.

        Args:
            inputs: float32 (windows, size, channels), scaled.

        Returns:
            Probabilities (windows, activities) and novelty (windows,).
        """
        # A few small windows at a time: a GPU would only be waited for.
        device = torch.device("cpu")
        probabilities = with_temperature(
            predict_probabilities(self._bundle.model, inputs, device),
            self.description.temperature,
        )
        summaries = summarize(inputs, self.description.channels)
        return probabilities, self.description.novelty.distances(summaries)

    def _predictions(
        self,
        stream: Stream,
        cut: Cut,
        good: np.ndarray,
        probabilities: np.ndarray,
        novelty: np.ndarray,
    ) -> list[Prediction]:
        made = []
        remaining = zip(probabilities, novelty, strict=True)
        for time, fresh, is_good in zip(cut.times, cut.fresh, good, strict=True):
            if fresh:
                stream.smoother = None
            if not is_good:
                continue
            its, apart = next(remaining)
            if stream.smoothing:
                stream.smoother = stream.smoother or self._smoother(stream.hop)
                its = stream.smoother.step(its)
            best = int(its.argmax())
            made.append(
                Prediction(
                    time=float(time),
                    activity=self.description.activities[best],
                    probability=float(its[best]),
                    probabilities=its,
                    novelty=float(apart),
                    known=bool(its[best] >= self.threshold and apart <= 1),
                )
            )
        return made

    def _smoother(self, hop: int) -> CausalSmoother:
        """A fresh smoother; the power of the transitions that it needs is taken once a hop."""
        if hop not in self._smoothers:
            description = self.description
            self._smoothers[hop] = CausalSmoother(
                np.array(description.transitions), np.array(description.priors), hop / self._step
            )
        return copy(self._smoothers[hop])


def _checked_hop(hop: int) -> int:
    if not isinstance(hop, Integral) or isinstance(hop, bool) or hop < 1:
        raise HarError(f"hop={hop!r}: expected a whole number of samples, 1 or more")
    return int(hop)


def _believable(stream: Stream, cut: Cut) -> np.ndarray:
    """Which windows' readings a worn phone can make; `stream.problem` is about the last one."""
    if not len(cut.times):
        return np.zeros(0, bool)
    length = np.median(np.linalg.norm(cut.signals[..., TOTAL_ACC], axis=2), axis=1)
    turning = np.sqrt((cut.signals[..., BODY_GYRO] ** 2).sum(axis=2).mean(axis=1))
    good = (length >= GRAVITY_RANGE[0]) & (length <= GRAVITY_RANGE[1]) & (turning <= MAX_TURNING)
    stream.rejected_windows += int(np.count_nonzero(~good))
    if good[-1]:
        stream.problem = ""
    elif length[-1] < GRAVITY_RANGE[0]:
        stream.problem = TOO_WEAK.format(length[-1])
    elif length[-1] > GRAVITY_RANGE[1]:
        stream.problem = TOO_STRONG.format(length[-1])
    else:
        stream.problem = TOO_QUICK.format(turning[-1])
    return good
