import numpy as np
import pytest

from har.recognition.steps import CADENCES, cadence

SECONDS, RATE = 60, 50


def walk(pace, stride=0.3, seed=0):
    """A walk of known steps: uneven ones, left and right unlike, seen along any axes."""
    rng = np.random.default_rng(seed)
    each = 1 / pace * (1 + 0.02 * rng.standard_normal(4 * SECONDS))
    steps = np.cumsum(each)
    steps = steps[steps < SECONDS]
    phase = np.interp(np.arange(SECONDS * RATE) / RATE, [0, *steps], np.arange(len(steps) + 1))
    up = 1 + 0.35 * np.cos(2 * np.pi * phase) + 0.15 * np.cos(4 * np.pi * phase + 1)
    up += stride * np.cos(np.pi * phase + 0.5)
    sideways, forward = 0.2 * np.sin(np.pi * phase), 0.2 * np.sin(2 * np.pi * phase + 1)
    axes, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    acceleration = np.column_stack([up, sideways, forward]) @ axes
    return acceleration + 0.05 * rng.standard_normal(acceleration.shape), len(steps)


def windows(signals):
    return np.stack([signals[at : at + 128] for at in range(0, len(signals) - 127, 64)])


@pytest.mark.parametrize("pace", [1.35, 1.6, 1.8, 2.0, 2.2, 2.4])
@pytest.mark.parametrize("stride", [0.0, 0.2, 0.4])
def test_steps_of_a_walk(pace, stride):
    acceleration, steps = walk(pace, stride)
    assert np.nanmean(cadence(windows(acceleration), "WALKING")) * SECONDS == pytest.approx(
        steps, rel=0.03
    )


@pytest.mark.parametrize("pace", [2.4, 2.8, 3.2])
def test_steps_of_a_run(pace):
    acceleration, steps = walk(pace)
    assert np.nanmean(cadence(windows(acceleration), "RUNNING")) * SECONDS == pytest.approx(
        steps, rel=0.03
    )


def test_where_there_is_no_rhythm_there_are_no_steps():
    assert np.isnan(cadence(np.ones((2, 128, 3)), "WALKING")).all()
    assert np.isnan(cadence(np.ones((2, 20, 3)), "WALKING")).all()


def test_a_stride_is_no_step():
    for slowest, fastest in CADENCES.values():
        assert fastest <= 2 * slowest
