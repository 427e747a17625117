from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view

from har.data.windows import cut_windows
from har.learning.augmentation import Augmenter, at_tempo, blurred, random_rotations, stretches
from har.params import Augmentation
from har.signals.scaling import Scaling, fit_scaling

CPU = torch.device("cpu")


def augmenter(windows, scaling=None, **settings):
    nothing = {"shift": 0, "rotation": 0, "scale": 0}
    scaling = scaling or Scaling(np.zeros(6, np.float32), np.ones(6, np.float32))
    return Augmenter(windows, scaling, Augmentation(**nothing | settings), CPU)


def test_without_settings_windows_come_as_they_are(windows):
    given = augmenter(windows)(torch.arange(len(windows)))
    assert np.array_equal(given.numpy(), windows.signals)


@pytest.mark.parametrize("overlap", [0, 0.5])
def test_channels_that_depend_on_the_window_are_not_mixed_with_the_next_ones(recordings, overlap):
    windows = cut_windows(recordings, 64, overlap, ["centred_acc", "gyro"], "")
    every = torch.arange(len(windows))
    assert np.array_equal(augmenter(windows)(every).numpy(), windows.signals)
    assert np.array_equal(augmenter(windows, shift=0.5)(every).numpy(), windows.signals)


@pytest.mark.parametrize("overlap", [0, 0.5, 0.75])
def test_stretches_are_the_recordings_that_windows_were_cut_from(recordings, overlap):
    windows = cut_windows(recordings, 64, overlap, ["total_acc", "gyro"], "")
    shuffled = windows.select(np.random.default_rng(0).permutation(len(windows)))
    found = stretches(shuffled)
    first, last = found.first, found.last
    assert np.array_equal(found.windows_at(found.place), shuffled.signals)
    for row in range(len(shuffled)):
        assert first[row] <= found.place[row] <= last[row]
        inside = np.arange(first[row], last[row] + 1)
        pieces = found.windows_at(inside)
        stretch = np.concatenate([pieces[0], pieces[1:, -1]])
        assert np.array_equal(pieces, sliding_window_view(stretch, 64, axis=0).swapaxes(1, 2))
        whole = recordings[shuffled.bout[row]].signals[:, [6, 7, 8, 3, 4, 5]]
        assert np.array_equal(stretch, whole[: len(stretch)])


def test_windows_with_a_gap_between_them_are_not_joined(windows):
    lone = windows.select((windows.bout == 0) & np.isin(windows.start, [0, 128]))
    found = stretches(lone)
    assert len(lone) == 2
    # Beginning 128 samples apart and 64 long: nothing is known of what lies between.
    assert (found.first == found.last).all()


def test_a_shifted_window_is_a_piece_of_its_own_stretch(recordings, windows):
    torch.manual_seed(0)
    make = augmenter(windows, shift=0.25)
    starts = set()
    for _ in range(50):
        signals = make(torch.arange(len(windows))).numpy()
        for row in (0, 1, 7):
            whole = recordings[windows.bout[row]].signals[:, [6, 7, 8, 3, 4, 5]]
            places = [
                start
                for start in range(len(whole) - 63)
                if np.array_equal(whole[start : start + 64], signals[row])
            ]
            assert len(places) == 1
            assert abs(places[0] - windows.start[row]) <= 16
            starts.add((row, places[0]))
    assert len({start for row, start in starts if row == 1}) > 10


def test_rotations_are_rotations_of_the_asked_size():
    torch.manual_seed(0)
    turns = random_rotations(4000, 15.0, CPU).double()
    identity = torch.eye(3, dtype=torch.double).expand(4000, 3, 3)
    torch.testing.assert_close(turns @ turns.transpose(1, 2), identity, atol=1e-6, rtol=0)
    assert torch.allclose(torch.linalg.det(turns), torch.ones(4000, dtype=torch.double))
    trace = turns.diagonal(dim1=1, dim2=2).sum(dim=1)
    angles = torch.rad2deg(((trace - 1) / 2).clamp(-1, 1).arccos())
    assert angles.square().mean().sqrt() == pytest.approx(15, rel=0.05)


def test_both_sensors_turn_together_and_in_their_own_units(windows):
    """Scaled unevenly per channel, the signals still turn as vectors of g and rad/s."""
    scaling = fit_scaling(windows.signals * [1, 5, 0.2, 1, 3, 0.5] + 0.3, "standard")
    scaled = replace(windows, signals=scaling.apply(windows.signals))
    torch.manual_seed(0)
    indices = torch.arange(20)
    turned = augmenter(scaled, scaling, rotation=40)(indices).numpy()
    turned = turned * scaling.scale + scaling.offset
    for row, after in enumerate(turned):
        before = windows.signals[row]
        solved = [
            np.linalg.lstsq(before[:, axes], after[:, axes], rcond=None)[0]
            for axes in (slice(0, 3), slice(3, 6))
        ]
        np.testing.assert_allclose(solved[0], solved[1], atol=1e-3)
        np.testing.assert_allclose(solved[0] @ solved[0].T, np.eye(3), atol=1e-3)
    assert not np.allclose(turned, windows.signals[:20], atol=0.05)


def test_channels_without_a_direction_do_not_turn(recordings):
    windows = cut_windows(recordings, 64, 0.5, ["acc_norm", "total_acc", "gyro_norm"], "")
    scaling = Scaling(np.zeros(5, np.float32), np.ones(5, np.float32))
    turned = augmenter(windows, scaling, rotation=40)(torch.arange(10)).numpy()
    assert np.array_equal(turned[..., [0, 4]], windows.signals[:10][..., [0, 4]])
    length = np.linalg.norm(turned[..., 1:4], axis=-1)
    np.testing.assert_allclose(length, windows.signals[:10, :, 0], atol=1e-5)


def test_scale_makes_a_whole_window_larger_or_smaller(windows):
    torch.manual_seed(0)
    larger = augmenter(windows, scale=0.3)(torch.arange(50)).numpy() / windows.signals[:50]
    factors = np.median(larger, axis=(1, 2))
    np.testing.assert_allclose(
        larger, np.broadcast_to(factors[:, None, None], larger.shape), rtol=1e-3
    )
    assert np.log(factors).std() == pytest.approx(0.3, rel=0.3)


def test_tempo_plays_a_movement_quicker_or_slower_and_turning_with_it():
    times = torch.arange(100).double()[None, :, None].repeat(2, 1, 1)
    wave = torch.sin(2 * torch.pi * (times - 49.5) / 25)
    played = at_tempo(wave, torch.tensor([2.0, 0.5]).double().view(2, 1, 1))
    middle = slice(30, 70)
    for row, factor in enumerate((2.0, 0.5)):
        expected = torch.sin(2 * torch.pi * factor * (times[0] - 49.5) / 25)
        torch.testing.assert_close(played[row, middle], expected[middle], atol=0.04, rtol=0)
    assert played.abs().max() <= 1  # reflected at the ends, nothing made up
    assert torch.equal(at_tempo(wave, torch.ones(2, 1, 1).double()), wave)


def test_tempo_changes_the_angular_rate_by_its_own_factor(windows):
    still = replace(windows, signals=np.ones_like(windows.signals))
    torch.manual_seed(0)
    changed = augmenter(still, tempo=0.2)(torch.arange(200)).numpy()
    np.testing.assert_allclose(changed[..., :3], 1, rtol=1e-6)  # total_acc
    factors = changed[:, 0, 3]
    expected = np.broadcast_to(factors[:, None, None], (200, 64, 3))
    np.testing.assert_allclose(changed[..., 3:], expected, rtol=1e-5)
    assert np.log(factors).std() == pytest.approx(0.2, rel=0.2)


def test_strength_leaves_gravity_and_changes_the_movement(windows):
    torch.manual_seed(0)
    before = windows.signals[:50]
    after = augmenter(windows, strength=0.3)(torch.arange(50)).numpy()
    np.testing.assert_allclose(after.mean(axis=1), before.mean(axis=1), atol=1e-4)
    factors = after.std(axis=1) / before.std(axis=1)
    np.testing.assert_allclose(factors, factors[:, :1].repeat(6, axis=1), rtol=1e-2)
    assert np.log(factors[:, 0]).std() == pytest.approx(0.3, rel=0.3)


def test_blur_mixes_neighbouring_samples_and_keeps_slow_signals(windows):
    torch.manual_seed(0)
    before = windows.signals[:50]
    after = augmenter(windows, blur=1.0)(torch.arange(50)).numpy()
    roughness = [np.abs(np.diff(each, 2, axis=1)).mean(axis=(1, 2)) for each in (before, after)]
    assert (roughness[1] < roughness[0]).all()
    assert (roughness[1] / roughness[0]).min() < 0.5 < (roughness[1] / roughness[0]).max()
    line = torch.arange(10.0)[None, :, None]
    torch.testing.assert_close(blurred(line)[:, 1:-1], line[:, 1:-1])


def test_noise_is_of_another_size_in_each_window(windows):
    torch.manual_seed(0)
    indices = torch.zeros(300, dtype=torch.long)
    noise = augmenter(windows, noise=0.01)(indices).numpy() - windows.signals[:1]
    sizes = noise.std(axis=(1, 2))
    assert np.median(sizes) == pytest.approx(0.01, rel=0.2)
    assert np.log(sizes).std() == pytest.approx(1, rel=0.2)
    np.testing.assert_allclose(noise.mean(axis=(1, 2)) / sizes, 0, atol=0.25)


@pytest.mark.parametrize("rotation", [0, 15, "any"])
def test_a_part_of_a_batch_is_what_it_is_in_the_whole(windows, rotation):
    """So that processes that share a batch learn from what one would learn from."""
    every = dict.fromkeys(["scale", "tempo", "strength", "blur", "noise"], 0.1)
    changed = augmenter(windows, shift=0.25, rotation=rotation, **every)
    batch = torch.randperm(len(windows))[:11]
    torch.manual_seed(0)
    whole = changed(batch)
    then = torch.rand(1)
    for part in (slice(0, None, 3), slice(2, None, 3)):
        torch.manual_seed(0)
        torch.testing.assert_close(changed(batch, part), whole[part])
        assert torch.rand(1) == then
