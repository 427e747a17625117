import numpy as np

from har.evaluation.streaming_metrics import NOTHING, Bout, bouts_of, delay, false_changes, shown_at

TIMES = np.array([2.0, 3.0, 4.0, 5.0])
PREDICTED = np.array([0, 1, 0, 1])


def test_shown_is_the_last_prediction():
    found = shown_at(np.array([0.0, 1.99, 2.0, 3.5, 9.0]), TIMES, PREDICTED)
    assert found.tolist() == [NOTHING, NOTHING, 0, 1, 1]
    assert shown_at(np.array([1.0]), np.zeros(0), np.zeros(0, int)).tolist() == [NOTHING]


def test_bouts():
    activity = np.array([-1, 0, 0, 1, 1, -1, 1])
    found = bouts_of(activity, rate=2)
    assert found == [Bout(0, 0.5, 1.5), Bout(1, 1.5, 2.5), Bout(1, 3.0, 3.5)]


def test_delay_is_counted_from_the_beginning_of_the_bout():
    assert delay(Bout(1, 2.5, 6.0), TIMES, PREDICTED) == 0.5
    assert delay(Bout(1, 3.2, 6.0), TIMES, PREDICTED) == 0.0  # shown already
    assert delay(Bout(2, 2.0, 6.0), TIMES, PREDICTED) == np.inf
    assert delay(Bout(0, 4.5, 5.0), TIMES, PREDICTED) == 0.0


def test_a_false_change_leaves_the_activity_that_is_done():
    assert false_changes(Bout(0, 2.0, 6.0), TIMES, PREDICTED) == 2
    assert false_changes(Bout(1, 2.0, 6.0), TIMES, PREDICTED) == 1
    assert false_changes(Bout(2, 2.0, 6.0), TIMES, PREDICTED) == 0
