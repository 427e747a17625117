import subprocess
import sys

import numpy as np
import pytest
from imports import ROOT
from sklearn.metrics import f1_score, log_loss

from har.evaluation import metrics, trials
from har.signals.recordings import UCI_HAR_ACTIVITIES


@pytest.fixture
def scored():
    rng = np.random.default_rng(0)
    actual = rng.integers(0, 6, 500)
    logits = rng.normal(size=(500, 6)) + 2 * np.eye(6)[actual]
    return actual, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_scores_agree_with_scikit_learn(scored):
    actual, probabilities = scored
    found = metrics.scores(actual, probabilities)
    assert found["accuracy"] == (probabilities.argmax(axis=1) == actual).mean()
    assert found["loss"] == pytest.approx(log_loss(actual, probabilities))
    f1 = f1_score(actual, probabilities.argmax(axis=1), average="macro")
    assert found["f1"] == pytest.approx(f1)


def test_an_activity_that_does_not_occur_does_not_count(scored):
    actual, _ = scored
    found = metrics.scores(np.zeros(10, int), np.tile([0.9, 0.1, 0, 0, 0, 0], (10, 1)))
    assert found["f1"] == 1.0
    assert len(metrics.per_class(actual[:3], actual[:3], UCI_HAR_ACTIVITIES)) == 6


def test_macro_f1_is_over_the_activities_that_occur_everywhere(scored):
    """The rule of scikit-learn, for windows, stored trials and many confusion matrices alike."""
    actual, probabilities = scored
    predicted = probabilities.argmax(axis=1)
    chosen = np.isin(actual, [1, 4]) & np.isin(predicted, [1, 4, 5])
    actual, predicted, probabilities = actual[chosen], predicted[chosen], probabilities[chosen]
    assert (predicted == 5).any()  # nobody did it, so that it counts as 0
    expected = f1_score(actual, predicted, average="macro")
    assert metrics.scores(actual, probabilities)["f1"] == pytest.approx(expected)
    tables = trials.confusion_by_subject(actual, predicted, np.zeros(len(actual), int), 6)
    trial = trials.Trial.model_construct(confusion=tables)
    assert trials.macro_f1([trial]) == pytest.approx(expected)
    stacked = np.array([tables[0], np.diag([0, 5, 0, 0, 0, 0])])
    assert metrics.macro_f1(stacked) == pytest.approx([expected, 1.0])


def test_reading_trials_does_not_wait_for_scikit_learn():
    code = "import sys, har.evaluation.trials; sys.exit('sklearn' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_certain_and_wrong_probability_gives_a_finite_loss():
    assert np.isfinite(metrics.scores(np.array([0]), np.array([[0.0, 1.0]]))["loss"])


def test_tables(scored):
    actual, probabilities = scored
    predicted = probabilities.argmax(axis=1)
    subject = np.repeat([3, 9, 5], [100, 150, 250])
    table = metrics.per_subject(actual, predicted, subject)
    assert table.columns.tolist() == ["subject", "accuracy", "windows"]
    assert table["subject"].tolist() == [3, 5, 9]
    assert table["windows"].tolist() == [100, 250, 150]
    assert table["accuracy"][0] == (actual == predicted)[:100].mean()
    classes = metrics.per_class(actual, predicted, UCI_HAR_ACTIVITIES)
    assert classes["support"].tolist() == np.bincount(actual).tolist()


def test_calibration_error():
    # Ten windows at 0.8 of which half are hits: 0.3 off. Ten at 1.0, all hits: nothing.
    probabilities = np.array([[0.8, 0.2]] * 10 + [[1.0, 0.0]] * 10)
    actual = np.array([0] * 5 + [1] * 5 + [0] * 10)
    assert metrics.expected_calibration_error(actual, probabilities) == pytest.approx(0.15)
