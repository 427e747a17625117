import numpy as np
import pytest

from har.evaluation.streaming_metrics import windows_until_recognised
from har.model.hmm import CausalSmoother, learn_durations, smooth, transitions_after

EVEN = np.full(3, 1 / 3)
STAYS = 1 / -np.log(0.97)
"""Mean duration, in windows a second apart, of what goes on with a chance of 0.97."""


def test_durations_are_counted_within_a_person():
    label = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    subject = np.array([1, 1, 1, 1, 1, 2, 2, 2])
    durations = learn_durations(label, subject, 3, seconds=1.28)
    transitions = transitions_after(durations, 1.28)
    # From 0: two of three stayed, and one pseudo-count each way.
    np.testing.assert_allclose(transitions[0], [3 / 5, 1 / 5, 1 / 5])
    # From 1: one stayed, one changed; the step from person 1 to person 2 is none.
    np.testing.assert_allclose(transitions[1], [1 / 4, 2 / 4, 1 / 4])
    np.testing.assert_allclose(transitions.sum(axis=1), 1)


def test_a_long_stretch_lasts_about_as_long_as_it_did():
    label = np.repeat(np.tile([0, 1], 50), 40)
    durations = learn_durations(label, np.zeros(len(label), int), 2, seconds=0.5)
    np.testing.assert_allclose(durations, 20, rtol=0.05)


def test_the_order_of_a_script_is_not_learnt():
    label = np.repeat([0, 1, 2, 0, 1, 2], 5)
    transitions = transitions_after(learn_durations(label, np.zeros(30, int), 3, 1.0), 1.0)
    assert transitions[0, 1] == transitions[0, 2]


def test_the_forward_algorithm_by_hand():
    # Over a second 0 goes on with a chance of 0.9, 1 with one of 0.8.
    smoother = CausalSmoother(-1 / np.log([0.9, 0.8]), [0.6, 0.4], seconds=1.0)
    np.testing.assert_allclose(smoother.update(np.array([0.7, 0.3])), [0.7, 0.3])
    expected = np.array([0.7 * 0.9 + 0.3 * 0.2, 0.7 * 0.1 + 0.3 * 0.8])
    joint = expected * [0.4 / 0.6, 0.6 / 0.4]
    np.testing.assert_allclose(smoother.update(np.array([0.4, 0.6])), joint / joint.sum())


def test_a_lone_doubtful_window_is_outvoted_and_a_lasting_change_believed():
    sure, doubt, other = [0.9, 0.05, 0.05], [0.4, 0.55, 0.05], [0.05, 0.9, 0.05]
    given = np.array([sure, sure, doubt, sure, other, other, other, other])
    smoothed = smooth(given, np.zeros(8, int), np.full(3, STAYS), EVEN, 1.0)
    assert smoothed.argmax(axis=1)[:4].tolist() == [0, 0, 0, 0]
    assert smoothed.argmax(axis=1)[-1] == 1
    np.testing.assert_allclose(smoothed.sum(axis=1), 1)


def test_it_is_causal_and_starts_afresh_with_each_person():
    rng = np.random.default_rng(0)
    given, subject = rng.dirichlet(np.ones(3), 20), np.repeat([1, 2], 10)
    settings = (np.array([5.0, 7, 9]), EVEN, 1.0)
    whole = smooth(given, subject, *settings)
    np.testing.assert_array_equal(smooth(given[:7], subject[:7], *settings), whole[:7])
    np.testing.assert_array_equal(smooth(given[10:], subject[10:], *settings), whole[10:])


def test_certainty_that_is_wrong_can_be_undone():
    given = np.array([[1.0, 0.0, 0.0]] * 50 + [[0.0, 1.0, 0.0]] * 5)
    smoothed = smooth(given, np.zeros(55, int), np.full(3, STAYS), EVEN, 1.0)
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
    durations = learn_durations(np.repeat([0, 1], 20), np.zeros(40, int), 3, 1.0)
    given = np.array([[0.999999, 1e-6, 0.0]] * 20)
    smoothed = smooth(given, np.zeros(20, int), durations, np.array([0.5, 0.5, 0.0]), 1.0)
    assert (smoothed.argmax(axis=1) == 0).all()
    assert (smoothed[:, 2] == 0).all()


def test_windows_twice_as_often_weigh_a_change_like_the_time_that_passes():
    durations = np.array([20.0, 30, 40])
    whole, half = (CausalSmoother(durations, EVEN, seconds) for seconds in (1.0, 0.5))
    sure, saying_nothing = np.array([0.98, 0.01, 0.01]), EVEN
    whole.update(sure)
    half.update(sure)
    half.update(saying_nothing)
    # But for going away and coming back within the second.
    np.testing.assert_allclose(
        half.update(saying_nothing), whole.update(saying_nothing), rtol=0.01, atol=1e-3
    )


def test_one_activity_alone_stays():
    np.testing.assert_array_equal(transitions_after(np.array([5.0]), 0.0), [[1.0]])


def test_what_cannot_be_told_apart_does_not_add_up_over_time():
    """Each window leans to the second activity: smoothed alone this becomes certainty."""
    given = np.array([[0.1, 0.5, 0.4]] * 60)
    settings = np.full(3, STAYS), EVEN, 1.0
    alone = smooth(given, np.zeros(60, int), *settings)
    assert alone[-1, 1] > 0.9
    smoothed = smooth(given, np.zeros(60, int), *settings, together=[1, 2])
    np.testing.assert_allclose(smoothed.sum(axis=1), 1)
    np.testing.assert_allclose(smoothed[:, 1] / smoothed[:, 2], 0.5 / 0.4)
    assert smoothed[-1, 0] < 0.01  # while the two together have become certain
    # And they are left as quickly as they would be otherwise.
    left = np.concatenate([given, [[0.9, 0.05, 0.05]] * 6])
    assert smooth(left, np.zeros(66, int), *settings, together=[1, 2])[-1, 0] > 0.9
