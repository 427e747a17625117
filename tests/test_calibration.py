import numpy as np
import pytest

from har.evaluation.metrics import expected_calibration_error
from har.model.calibration import fit_temperature, with_temperature


def drawn(temperature, windows=20_000):
    """Labels drawn from probabilities, and those probabilities at another temperature."""
    rng = np.random.default_rng(0)
    truth = rng.dirichlet(np.full(4, 0.3), windows)
    actual = np.array([rng.choice(4, p=each) for each in truth])
    return with_temperature(truth, temperature), actual


def test_a_temperature_divides_the_logits():
    logits = np.array([[1.0, 2.0, -1.0], [0.0, 0.0, 5.0]])
    at_one, at_half = (
        np.exp(logits / t) / np.exp(logits / t).sum(1, keepdims=True) for t in (1, 0.5)
    )
    np.testing.assert_allclose(with_temperature(at_one, 0.5), at_half)
    np.testing.assert_array_equal(with_temperature(at_one, 1), at_one)


@pytest.mark.parametrize("known", [0.5, 2.0])
def test_the_temperature_that_was_applied_is_found_again(known):
    given, actual = drawn(known)
    found = fit_temperature(given, actual)
    assert found == pytest.approx(1 / known, rel=0.05)
    before = expected_calibration_error(actual, given)
    assert expected_calibration_error(actual, with_temperature(given, found)) < before / 3


def test_certainty_stays_finite_and_predictions_stay():
    given = np.array([[1.0, 0.0, 0.0], [0.4, 0.35, 0.25]])
    for temperature in (0.05, 0.6, 20):
        changed = with_temperature(given, temperature)
        assert np.isfinite(changed).all()
        np.testing.assert_allclose(changed.sum(axis=1), 1)
        assert (changed.argmax(axis=1) == given.argmax(axis=1)).all()
    assert 0.05 <= fit_temperature(given, np.array([0, 0])) <= 20
