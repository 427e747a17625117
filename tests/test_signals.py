import numpy as np
import pytest
import torch
from scipy.signal import butter, medfilt, sosfilt

from har.errors import HarError
from har.signals.channels import (
    CHANNEL_GROUPS,
    channel_names,
    channel_units,
    has_gravity,
    make_channels,
    triplets,
)
from har.signals.filters import ArchiveFilter, filter_recording
from har.signals.scaling import fit_scaling


@pytest.fixture
def raw():
    rng = np.random.default_rng(1)
    return rng.normal(0, 1, (400, 3)) + [1, 0, 0], rng.normal(0, 1, (400, 3))


def test_filters_are_those_of_the_archive(raw):
    acceleration, rate = raw
    noise = butter(10, 20, fs=50, output="sos")
    total = sosfilt(noise, medfilt(acceleration[:, 1], 3))
    gravity = sosfilt(butter(3, 0.3, fs=50, output="sos"), total)
    turning = sosfilt(noise, medfilt(rate[:, 2], 3))
    drift = sosfilt(butter(2, 0.1, fs=50, output="sos"), turning)

    filtered = filter_recording(acceleration, rate)

    assert filtered.shape == (400, 9)
    np.testing.assert_allclose(filtered[:, 7], total, atol=1e-12)
    np.testing.assert_allclose(filtered[:, 1], total - gravity, atol=1e-12)
    np.testing.assert_allclose(filtered[:, 5], turning - drift, atol=1e-12)


@pytest.mark.parametrize("block", [1, 7, 399])
def test_stepping_in_blocks_changes_nothing(raw, block):
    acceleration, rate = raw
    stream = ArchiveFilter()
    rows = [
        stream.filter(acceleration[i : i + block], rate[i : i + block])
        for i in range(0, len(rate), block)
    ]
    assert sum(map(len, rows)) == len(rate) - 1  # the median waits for one sample
    streamed = np.concatenate([*rows, stream.finish()])
    assert np.array_equal(streamed, filter_recording(acceleration, rate))


def test_an_empty_block_and_an_empty_recording_are_harmless(raw):
    acceleration, rate = raw
    stream = ArchiveFilter()
    assert stream.filter(acceleration[:0], rate[:0]).shape == (0, 9)
    assert ArchiveFilter().finish().shape == (0, 9)
    first = stream.filter(acceleration, rate)
    assert np.array_equal(first, filter_recording(acceleration, rate)[:-1])


def test_the_future_does_not_change_the_past(raw):
    acceleration, rate = raw
    changed = acceleration.copy()
    changed[300:] += 5
    before, after = filter_recording(acceleration, rate), filter_recording(changed, rate)
    assert np.array_equal(before[:299], after[:299])
    assert not np.array_equal(before[299], after[299])


def test_every_group_makes_the_channels_it_names():
    signals = np.random.default_rng(0).normal(size=(5, 40, 9)).astype(np.float32)
    for group, what in CHANNEL_GROUPS.items():
        made = make_channels(signals, [group])
        assert made.shape == (5, 40, len(what.names)), group
        assert made.dtype == np.float32, group
    groups = ["acc_norm", "gyro"]
    assert channel_names(groups) == ("acc_norm", "body_gyro_x", "body_gyro_y", "body_gyro_z")
    assert channel_units()["acc_norm"] == "g"
    assert channel_units()["gyro_norm"] == "rad/s"


def test_derived_channels_mean_what_they_say():
    signals = np.random.default_rng(0).normal(size=(5, 40, 9)).astype(np.float32)
    body_acc, gyro, total_acc = signals[..., :3], signals[..., 3:6], signals[..., 6:]
    np.testing.assert_allclose(make_channels(signals, ["centred_acc"]).mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(make_channels(signals, ["gravity"]), total_acc - body_acc)
    length = np.sqrt((gyro**2).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(make_channels(signals, ["gyro_norm"]), length, rtol=1e-5)


def test_tensors_give_the_channels_that_arrays_give():
    signals = np.random.default_rng(0).normal(size=(5, 40, 9)).astype(np.float32)
    groups = list(CHANNEL_GROUPS)
    made = make_channels(torch.from_numpy(signals), groups)
    np.testing.assert_allclose(made.numpy(), make_channels(signals, groups), atol=1e-6, rtol=0)


def test_what_is_known_of_channels():
    names = channel_names(["acc_norm", "gravity", "body_acc", "gyro", "total_acc", "centred_acc"])
    hold_gravity = np.array(names)[has_gravity(names)]
    assert {name[:-2] for name in hold_gravity} == {"gravity", "total_acc"}
    assert len(hold_gravity) == 6
    assert triplets(names) == [slice(first, first + 3) for first in (1, 4, 7, 10, 13)]
    # A vector that is not whole does not turn, nor do the ends of two.
    assert triplets(["gravity_x", "gravity_y", "body_acc_z", "gravity_z"]) == []
    units = channel_units()
    assert [units[name] for name in ("acc_norm", "body_gyro_y", "gravity_z")] == ["g", "rad/s", "g"]


def test_scaling():
    signals = np.random.default_rng(0).normal(3, 5, (20, 30, 4)).astype(np.float32)
    signals[..., 3] = 7  # a channel that never changes
    standard = fit_scaling(signals, "standard").apply(signals)
    np.testing.assert_allclose(standard.mean(axis=(0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(standard.std(axis=(0, 1)), [1, 1, 1, 0], atol=1e-5)
    minmax = fit_scaling(signals, "minmax").apply(signals)
    np.testing.assert_allclose(minmax.min(axis=(0, 1)), 0, atol=1e-6)
    np.testing.assert_allclose(minmax.max(axis=(0, 1)), [1, 1, 1, 0], atol=1e-6)
    assert np.array_equal(fit_scaling(signals, "none").apply(signals), signals)
    some = np.arange(20) % 3 > 0
    for method in ("standard", "minmax"):
        own, alone = fit_scaling(signals, method, of=some), fit_scaling(signals[some], method)
        assert np.array_equal([own.offset, own.scale], [alone.offset, alone.scale])
    with pytest.raises(HarError, match="normalization.method"):
        fit_scaling(signals, "other")


def test_scaling_of_many_windows_is_that_of_all_at_once_to_the_last_bit():
    signals = np.random.default_rng(1).normal(1, 2, (1300, 16, 3)).astype(np.float32)
    fitted = fit_scaling(signals, "standard")
    axes = (0, 1)
    assert np.array_equal(fitted.offset, signals.mean(axes, np.float64).astype(np.float32))
    assert np.array_equal(fitted.scale, signals.std(axes, np.float64).astype(np.float32))
