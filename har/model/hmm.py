"""Smoothing over time: what the windows before say about this one.

A hidden Markov model over the activities, of which only the forward algorithm is used (Rabiner
1989, https://doi.org/10.1109/5.18626): causal, so that it serves live recognition too and adds no
delay of its own but that of believing a change only when the evidence for it is strong enough.
"""

import numpy as np
from scipy.linalg import fractional_matrix_power

SMALLEST = 1e-6
"""A network's probabilities count as no less: one that is quite sure and wrong must not rule out
the truth."""


def learn_transitions(label: np.ndarray, subject: np.ndarray, classes: int) -> np.ndarray:
    """How likely each activity is to go on, or to give way to each other one, a window later.

    Learnt is how likely an activity is to go on. What follows it is left open, the same chance for
    each other activity: in recordings made to a script the order is the script's, and a smoother
    that knew it would look better than it is.

    Args:
        label: int (windows,), windows of training subjects in the order of time.
        subject: int (windows,); the first window of a person follows on nothing.
        classes: Number of activities.

    Returns:
        (classes, classes), from row to column, rows adding up to 1. Counts start at 1 (Laplace), so
        that no change is impossible.
    """
    follows = subject[1:] == subject[:-1]
    before, after = label[:-1][follows], label[1:][follows]
    stayed = np.bincount(before[before == after], minlength=classes) + 1.0
    stay = stayed / (np.bincount(before, minlength=classes) + 2.0)
    transitions = np.repeat((1 - stay)[:, None] / (classes - 1), classes, axis=1)
    np.fill_diagonal(transitions, stay)
    return transitions


class CausalSmoother:
    """Probabilities of one recording's windows, each seen in the light of those before it.

    Args:
        transitions: (classes, classes), as `learn_transitions` gives them.
        priors: (classes,), share of each activity among the windows that the network was trained
            on. A network's probabilities contain them, and they are divided out.
        pace: Time from window to window, in steps of the transitions.
    """

    def __init__(self, transitions: np.ndarray, priors: np.ndarray, pace: float = 1.0) -> None:
        transitions = np.asarray(transitions, float)
        if pace != 1:
            transitions = np.maximum(fractional_matrix_power(transitions, pace).real, 0)
        self._transitions = transitions
        self._priors = np.asarray(priors, float)
        self._belief: np.ndarray | None = None

    def step(self, probabilities: np.ndarray) -> np.ndarray:
        """The smoothed probabilities (classes,) of the next window, given the network's."""
        expected = self._priors if self._belief is None else self._belief @ self._transitions
        floored = np.maximum(probabilities, SMALLEST)
        # An activity that nobody was trained on stays impossible.
        ratio = np.divide(floored, self._priors, out=np.zeros(len(floored)), where=self._priors > 0)
        belief = expected * ratio
        self._belief = belief / belief.sum()
        return self._belief


def smooth(
    probabilities: np.ndarray, subject: np.ndarray, transitions: np.ndarray, priors: np.ndarray
) -> np.ndarray:
    """Smooth the windows of many people, each person's from a fresh start.

    Args:
        probabilities: (windows, classes), in the order of time.
        subject: int (windows,).
        transitions: As for `CausalSmoother`.
        priors: Likewise.
    """
    smoothed = np.empty_like(probabilities, dtype=float)
    for row, each in enumerate(probabilities):
        if row == 0 or subject[row] != subject[row - 1]:
            smoother = CausalSmoother(transitions, priors)
        smoothed[row] = smoother.step(each)
    return smoothed


def windows_until_recognised(
    actual: np.ndarray, predicted: np.ndarray, subject: np.ndarray
) -> np.ndarray:
    """After each change of activity, the windows that pass before it is first recognised.

    Args:
        actual: int (windows,), in the order of time.
        predicted: int (windows,).
        subject: int (windows,); a person's first window is no change.

    Returns:
        int (changes,); 0 where the first window is recognised at once, and the length of the
        stretch where none is.
    """
    change = (actual[1:] != actual[:-1]) & (subject[1:] == subject[:-1])
    border = (actual[1:] != actual[:-1]) | (subject[1:] != subject[:-1])
    begins = np.flatnonzero(np.r_[True, border])
    changed = np.r_[False, change][begins]
    ends = np.r_[begins[1:], len(actual)]
    delays = []
    for begin, end in zip(begins[changed], ends[changed], strict=True):
        right = predicted[begin:end] == actual[begin:end]
        delays.append(int(right.argmax()) if right.any() else end - begin)
    return np.array(delays, int)
