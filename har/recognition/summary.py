"""What was recognised in a recording, summed up as it comes: durations, steps, what was right."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np

from har.model.bundle import Description
from har.recognition.recognizer import Prediction, WindowBatch
from har.recognition.steps import CADENCES, cadence
from har.signals.channels import TOTAL_ACC
from har.signals.recordings import ACTIVITIES, NO_ACTIVITY, SOME_POSTURE, STILL

NOT_KNOWN = "not known"


@dataclass
class Summary:
    """Sums over the predictions of one recording; it does not grow with them.

    Args:
        description: Of the model.
        hop: Seconds from one prediction to the next.

    Attributes:
        windows: How many predictions there were.
        counts: How many of each activity, or `NOT_KNOWN`.
        steps: Steps of each activity that has any.
        walked: Windows in which steps were counted, by activity.
        labelled: Windows that are mostly labelled: all, and the known ones.
        right: Those of them whose activity is the label; any posture is right where the answer is
            that it is one.
    """

    description: Description
    hop: float
    windows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    steps: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    walked: Counter[str] = field(default_factory=Counter)
    labelled: np.ndarray = field(default_factory=lambda: np.zeros(2, int))
    right: np.ndarray = field(default_factory=lambda: np.zeros(2, int))

    def __post_init__(self) -> None:
        self._times = np.zeros(0)
        self._labels = np.zeros(0, np.int8)
        self._model = [ACTIVITIES.index(each) for each in self.description.activities]

    @property
    def known(self) -> float:
        """The share of windows whose activity is known."""
        return 1 - self.counts[NOT_KNOWN] / self.windows if self.windows else 0.0

    def add(
        self,
        predictions: list[Prediction],
        batch: WindowBatch,
        times: np.ndarray,
        labels: np.ndarray,
    ) -> None:
        """Take what a block of samples gave.

        Args:
            predictions: All of its windows that could be recognised.
            batch: Its windows.
            times: (samples,) in s, of the block.
            labels: int (samples,), index into `ACTIVITIES`, or `NO_ACTIVITY`.
        """
        self.windows += len(predictions)
        self.counts.update(each.activity if each.known else NOT_KNOWN for each in predictions)
        self._count_steps(predictions, batch)
        self._compare(predictions, times, labels)

    def _count_steps(self, predictions: list[Prediction], batch: WindowBatch) -> None:
        ends: dict[str, list[float]] = {}
        for each in predictions:
            if each.known and each.activity in CADENCES:
                ends.setdefault(each.activity, []).append(each.time)
        for activity, times in ends.items():
            found = cadence(batch.signals[np.isin(batch.times, times)][..., TOTAL_ACC], activity)
            self.steps[activity] += float(np.nansum(found)) * self.hop
            self.walked[activity] += int(np.isfinite(found).sum())

    def _compare(
        self, predictions: list[Prediction], times: np.ndarray, labels: np.ndarray
    ) -> None:
        length = self.description.window_size / self.description.sampling_rate
        slack = 0.5 / self.description.sampling_rate
        self._times = np.concatenate([self._times, times])
        # What the model does not know it cannot get right.
        labels = np.where(np.isin(labels, self._model), labels, NO_ACTIVITY).astype(np.int8)
        self._labels = np.concatenate([self._labels, labels])
        if predictions and (self._labels >= 0).any():
            counts = np.zeros((len(self._labels) + 1, len(ACTIVITIES)), np.int32)
            counts[1:] = np.cumsum(self._labels[:, None] == np.arange(len(ACTIVITIES)), axis=0)
            ends = np.array([each.time for each in predictions])
            first, last = (
                np.searchsorted(self._times, at) for at in (ends - length + slack, ends + slack)
            )
            within = counts[last] - counts[first]
            mostly = within.max(axis=1) * 2 > last - first
            actual = np.array(ACTIVITIES)[within.argmax(axis=1)]
            answers = np.array([each.activity for each in predictions])
            right = (answers == actual) | ((answers == SOME_POSTURE) & np.isin(actual, STILL))
            for number, counted in enumerate(
                (mostly, mostly & np.array([each.known for each in predictions]))
            ):
                self.labelled[number] += np.count_nonzero(counted)
                self.right[number] += np.count_nonzero(counted & right)
        # Windows to come reach back by their length.
        kept = np.searchsorted(self._times, self._times[-1] - length - 1) if len(times) else 0
        self._times, self._labels = self._times[kept:], self._labels[kept:]
