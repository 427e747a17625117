"""Smoothing over time: what the windows before say about this one.

A hidden Markov model over the activities, of which only the forward algorithm is used (Rabiner
1989, https://doi.org/10.1109/5.18626): causal, so that it serves live recognition too and adds no
delay of its own but that of believing a change only when the evidence for it is strong enough.
"""

from collections.abc import Sequence

import numpy as np

SMALLEST = 1e-6
"""A network's probabilities count as no less: one that is quite sure and wrong must not rule out
the truth."""


def learn_durations(
    label: np.ndarray, subject: np.ndarray, classes: int, seconds: float
) -> np.ndarray:
    """How long each activity lasts on average.

    What follows an activity is not learnt: in recordings made to a script the order is the
    script's, and a smoother that knew it would look better than it is.

    Args:
        label: int (windows,), windows of training subjects in the order of time.
        subject: int (windows,); the first window of a person follows on nothing.
        classes: Number of activities.
        seconds: Time from window to window, s.

    Returns:
        (classes,) in s: the mean of an exponential distribution, under which a window is followed
        by one of the same activity as often as it was. Counts start at 1 (Laplace), so that every
        duration is positive and finite.
    """
    follows = subject[1:] == subject[:-1]
    before, after = label[:-1][follows], label[1:][follows]
    stayed = np.bincount(before[before == after], minlength=classes) + 1.0
    stay = stayed / (np.bincount(before, minlength=classes) + 2.0)
    return -seconds / np.log(stay)


def transitions_after(durations: np.ndarray, seconds: float) -> np.ndarray:
    """How likely each activity is to go on, or to give way to each other one, some time later.

    Args:
        durations: (classes,), of `learn_durations`.
        seconds: How much later, s.

    Returns:
        (classes, classes), from row to column, rows adding up to 1; each other activity is equally
        likely to follow.
    """
    classes = len(durations)
    stay = np.exp(-seconds / np.asarray(durations, float))
    transitions = np.repeat((1 - stay)[:, None] / max(classes - 1, 1), classes, axis=1)
    np.fill_diagonal(transitions, stay)
    return transitions


class CausalSmoother:
    """Probabilities of one recording's windows, each seen in the light of those before it.

    Args:
        durations: (classes,) in s, as `learn_durations` gives them.
        priors: (classes,), share of each activity among the windows that the network was trained
            on. A network's probabilities contain them, and they are divided out.
        seconds: Time from window to window, s.
        together: Classes that are smoothed as one. What tells them apart in a window is not added
            up over time, since it is as wrong in the next window: each window shares out among them
            what they have together.
    """

    def __init__(
        self,
        durations: np.ndarray,
        priors: np.ndarray,
        seconds: float,
        together: Sequence[int] = (),
    ) -> None:
        self._transitions = transitions_after(durations, seconds)
        self._priors = np.asarray(priors, float)
        self._together = list(together)
        self._belief: np.ndarray | None = None

    def update(self, probabilities: np.ndarray) -> np.ndarray:
        """The smoothed probabilities (classes,) of the next window, given the network's."""
        if not self._together:
            return self._update(probabilities)
        shares = np.maximum(probabilities[self._together], SMALLEST)
        priors = self._priors[self._together]
        evened = np.array(probabilities, float)
        evened[self._together] = shares.sum() * priors / priors.sum()
        smoothed = self._update(evened).copy()
        smoothed[self._together] = smoothed[self._together].sum() * shares / shares.sum()
        return smoothed

    def _update(self, probabilities: np.ndarray) -> np.ndarray:
        expected = self._priors if self._belief is None else self._belief @ self._transitions
        floored = np.maximum(probabilities, SMALLEST)
        # An activity that nobody was trained on stays impossible.
        ratio = np.divide(floored, self._priors, out=np.zeros(len(floored)), where=self._priors > 0)
        belief = expected * ratio
        self._belief = belief / belief.sum()
        return self._belief


def smooth(
    probabilities: np.ndarray,
    subject: np.ndarray,
    durations: np.ndarray,
    priors: np.ndarray,
    seconds: float,
    together: Sequence[int] = (),
) -> np.ndarray:
    """Smooth the windows of many people, each person's from a fresh start.

    Args:
        probabilities: (windows, classes), in the order of time.
        subject: int (windows,).
        durations: As for `CausalSmoother`.
        priors: Likewise.
        seconds: Likewise.
        together: Likewise.
    """
    smoothed = np.empty_like(probabilities, dtype=float)
    for row, each in enumerate(probabilities):
        if row == 0 or subject[row] != subject[row - 1]:
            smoother = CausalSmoother(durations, priors, seconds, together)
        smoothed[row] = smoother.update(each)
    return smoothed
