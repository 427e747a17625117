import numpy as np
import pytest

from har.signals.resampling import Resampler


def in_blocks(times, samples, lengths):
    resampler, made, at = Resampler(samples.shape[1]), [], 0
    for length in lengths:
        made.append(resampler.resample(times[at : at + length], samples[at : at + length]))
        at += length
    return np.concatenate(made)


def test_samples_at_the_rate_itself_are_left_as_they_are():
    samples = np.random.default_rng(0).normal(size=(500, 2))
    for start in (0.0, 1.7e9):  # also where the clock counts from 1970
        made = Resampler(2).resample(start + np.arange(500) / 50, samples)
        np.testing.assert_allclose(made, samples, atol=1e-4 if start else 1e-9)


@pytest.mark.parametrize("rate", [23, 50, 60, 100, 400])
def test_blocks_change_nothing(rate):
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.uniform(0.5, 1.5, 600)) / rate
    samples = rng.normal(size=(600, 3))
    whole = in_blocks(times, samples, [600])
    np.testing.assert_allclose(in_blocks(times, samples, [1] * 600), whole, atol=1e-9)
    np.testing.assert_allclose(in_blocks(times, samples, [7, 0, 300, 1, 292]), whole, atol=1e-9)
    assert len(whole) == pytest.approx((times[-1] - times[0]) * 50, abs=2)


@pytest.mark.parametrize("rate", [30, 60, 100, 200, 400])
def test_a_slow_movement_comes_back_at_50_a_second(rate):
    rng = np.random.default_rng(2)
    times = 3.0 + np.arange(20 * rate) / rate + rng.uniform(-0.2, 0.2, 20 * rate) / rate
    made = Resampler(1).resample(times, np.sin(2 * np.pi * 2 * times)[:, None])[:, 0]
    expected = np.sin(2 * np.pi * 2 * (times[0] + np.arange(len(made)) / 50))
    assert np.abs(made - expected).max() < 0.05


def test_what_is_too_quick_for_the_rate_does_not_turn_up_as_slow():
    times = np.arange(4000) / 400
    quick = np.sin(2 * np.pi * 47 * times)  # every 20 ms this looks like 3 Hz
    made = Resampler(1).resample(times, quick[:, None])[:, 0]
    assert np.abs(made).max() < 0.25
    assert np.abs(quick[::8]).max() > 0.99


def test_memory_stays_bounded():
    resampler = Resampler(1)
    for second in range(100):
        resampler.resample(second + np.arange(400) / 400, np.zeros((400, 1)))
    assert len(resampler._times) < 50
