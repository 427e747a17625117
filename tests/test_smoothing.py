import numpy as np
import pytest

from har.model.hmm import CausalSmoother, learn_transitions, smooth, windows_until_recognised

EVEN = np.full(3, 1 / 3)


def test_transitions_are_counted_within_a_person():
    label = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    subject = np.array([1, 1, 1, 1, 1, 2, 2, 2])
    transitions = learn_transitions(label, subject, 3)
    # From 0: two of three stayed, and one pseudo-count each way.
    np.testing.assert_allclose(transitions[0], [3 / 5, 1 / 5, 1 / 5])
    # From 1: one stayed, one changed; the step from person 1 to person 2 is none.
    np.testing.assert_allclose(transitions[1], [1 / 4, 2 / 4, 1 / 4])
    np.testing.assert_allclose(transitions.sum(axis=1), 1)


def test_the_order_of_a_script_is_not_learnt():
    label = np.repeat([0, 1, 2, 0, 1, 2], 5)
    transitions = learn_transitions(label, np.zeros(30, int), 3)
    assert transitions[0, 1] == transitions[0, 2]


def test_the_forward_algorithm_by_hand():
    transitions = np.array([[0.9, 0.1], [0.2, 0.8]])
    smoother = CausalSmoother(transitions, [0.6, 0.4])
    np.testing.assert_allclose(smoother.step(np.array([0.7, 0.3])), [0.7, 0.3])
    expected = np.array([0.7 * 0.9 + 0.3 * 0.2, 0.7 * 0.1 + 0.3 * 0.8])
    joint = expected * [0.4 / 0.6, 0.6 / 0.4]
    np.testing.assert_allclose(smoother.step(np.array([0.4, 0.6])), joint / joint.sum())


def test_a_lone_doubtful_window_is_outvoted_and_a_lasting_change_believed():
    transitions = np.full((3, 3), 0.01) + 0.97 * np.eye(3)
    sure, doubt, other = [0.9, 0.05, 0.05], [0.4, 0.55, 0.05], [0.05, 0.9, 0.05]
    given = np.array([sure, sure, doubt, sure, other, other, other, other])
    smoothed = smooth(given, np.zeros(8, int), transitions, EVEN)
    assert smoothed.argmax(axis=1)[:4].tolist() == [0, 0, 0, 0]
    assert smoothed.argmax(axis=1)[-1] == 1
    np.testing.assert_allclose(smoothed.sum(axis=1), 1)


def test_it_is_causal_and_starts_afresh_with_each_person():
    rng = np.random.default_rng(0)
    given = rng.dirichlet(np.ones(3), 20)
    transitions = np.full((3, 3), 0.05) + 0.85 * np.eye(3)
    subject = np.repeat([1, 2], 10)
    whole = smooth(given, subject, transitions, EVEN)
    np.testing.assert_array_equal(smooth(given[:7], subject[:7], transitions, EVEN), whole[:7])
    np.testing.assert_array_equal(smooth(given[10:], subject[10:], transitions, EVEN), whole[10:])


def test_certainty_that_is_wrong_can_be_undone():
    transitions = np.full((3, 3), 0.01) + 0.97 * np.eye(3)
    given = np.array([[1.0, 0.0, 0.0]] * 50 + [[0.0, 1.0, 0.0]] * 5)
    smoothed = smooth(given, np.zeros(55, int), transitions, EVEN)
    assert np.isfinite(smoothed).all()
    assert smoothed[-1].argmax() == 1


@pytest.mark.parametrize(
    ("predicted", "delays"),
    [([0, 0, 1, 1, 1, 2], [0]), ([0, 0, 0, 0, 1, 2], [2]), ([0, 0, 0, 0, 0, 2], [3])],
)
def test_windows_until_a_change_is_recognised(predicted, delays):
    actual, subject = np.array([0, 0, 1, 1, 1, 2]), np.array([1, 1, 1, 1, 1, 2])
    assert windows_until_recognised(actual, np.array(predicted), subject).tolist() == delays


def test_an_activity_that_training_lacked_stays_impossible():
    transitions = learn_transitions(np.repeat([0, 1], 20), np.zeros(40, int), 3)
    given = np.array([[0.999999, 1e-6, 0.0]] * 20)
    smoothed = smooth(given, np.zeros(20, int), transitions, np.array([0.5, 0.5, 0.0]))
    assert (smoothed.argmax(axis=1) == 0).all()
    assert (smoothed[:, 2] == 0).all()


def test_at_another_pace_two_steps_are_one():
    transitions = np.full((3, 3), 0.05) + 0.85 * np.eye(3)
    whole, half = (CausalSmoother(transitions, EVEN, pace) for pace in (1.0, 0.5))
    sure, saying_nothing = np.array([0.98, 0.01, 0.01]), EVEN
    whole.step(sure)
    half.step(sure)
    half.step(saying_nothing)
    np.testing.assert_allclose(half.step(saying_nothing), whole.step(saying_nothing))
