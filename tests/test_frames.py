"""Frames of reference, and how often windows are drawn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_bundle import made_windows

from har.errors import HarError
from har.learning import frames
from har.learning.augmentation import any_rotations
from har.learning.balance import draw_weights
from har.params import Params


@pytest.fixture
def windows():
    torch.manual_seed(0)
    signals = torch.randn(20, 50, 6)
    signals[..., :3] += 2 * torch.nn.functional.normalize(torch.randn(20, 1, 3), dim=2)
    return signals


def turned(windows, turns):
    return torch.cat([part @ turns for part in windows.split(3, dim=2)], dim=2)


def test_upright_turns_both_vectors_so_that_mean_acceleration_points_along_x(windows):
    upright = frames.see(windows, ["upright"])
    mean = upright[..., :3].mean(dim=1)
    torch.testing.assert_close(mean[:, 1:], torch.zeros(20, 2), atol=1e-5, rtol=0)
    assert (mean[:, 0] > 1).all()
    # A rotation keeps lengths, and the angle between acceleration and angular rate.
    before, after = (each.reshape(20, 50, 2, 3) for each in (windows, upright))
    torch.testing.assert_close(after.norm(dim=3), before.norm(dim=3))
    torch.testing.assert_close(after.prod(dim=2).sum(dim=2), before.prod(dim=2).sum(dim=2))
    # And no reflection.
    volumes = [torch.linalg.det(each[:, :3, 0]) for each in (before, after)]
    torch.testing.assert_close(volumes[1], volumes[0], atol=1e-4, rtol=1e-4)


def test_turning_the_phone_changes_upright_by_a_rotation_about_the_vertical_alone(windows):
    turns = any_rotations(20, torch.device("cpu"))
    one, other = (
        frames.see(each, ["upright"]).reshape(20, 50, 2, 3)
        for each in (windows, turned(windows, turns))
    )
    torch.testing.assert_close(other[..., 0], one[..., 0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        other[..., 1:].norm(dim=3), one[..., 1:].norm(dim=3), atol=1e-4, rtol=1e-4
    )


def test_lengths_are_the_same_however_the_phone_is_turned(windows):
    lengths = frames.see(windows, ["lengths"])
    assert lengths.shape == (20, 50, 2)
    torch.testing.assert_close(lengths[..., 0], windows[..., :3].norm(dim=2), atol=1e-3, rtol=1e-3)
    again = frames.see(turned(windows, any_rotations(20, torch.device("cpu"))), ["lengths"])
    torch.testing.assert_close(again, lengths, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("direction", [[0, 0, 0], [-1, 0, 0], [1, 0, 0]])
def test_there_is_an_answer_for_every_direction(direction):
    windows = torch.tensor(direction).float().repeat(1, 10, 1)
    upright = frames.see(windows, ["upright"])
    assert upright.isfinite().all()
    torch.testing.assert_close(upright.norm(dim=2), windows.norm(dim=2))
    torch.testing.assert_close(upright[..., 0], windows.norm(dim=2))


def test_frames_stand_side_by_side_and_measured_alone_takes_any_channels(windows):
    names = ["measured", "upright", "lengths"]
    assert frames.see(windows, names).shape[2] == frames.width(names, 6) == 14
    assert frames.see(windows[..., :3], names).shape[2] == frames.width(names, 3) == 7
    assert frames.see(windows, ["measured"]) is windows
    assert frames.width(["measured"], 17) == 17
    with pytest.raises(HarError, match="6 or 3 channels, not 9"):
        frames.width(names, 9)


@pytest.mark.parametrize(
    "changes",
    [
        {"windowing": {"channels": ["body_acc", "gyro", "total_acc"]}},
        {"normalization": {"method": "standard"}},
    ],
)
def test_settings_under_which_vectors_are_none_are_refused(changes):
    fitting = {
        "model": {"name": "conv_recurrent", "frames": ["upright"]},
        "windowing": {"channels": ["total_acc", "gyro"]},
        "normalization": {"method": "none"},
    }
    Params.model_validate(fitting)
    with pytest.raises(ValueError, match=r"model\.frames=\['upright'\] need windowing"):
        Params.model_validate(fitting | changes)


def test_rotations_by_any_angle_are_rotations_and_favour_no_direction():
    turns = any_rotations(20_000, torch.device("cpu"))
    torch.testing.assert_close(turns @ turns.transpose(1, 2), torch.eye(3).expand(20_000, 3, 3))
    torch.testing.assert_close(torch.linalg.det(turns), torch.ones(20_000))
    assert turns.mean(dim=0).abs().max() < 0.02
    # cos of the angle: the trace has the mean 0 for all rotations alike.
    assert abs(turns.diagonal(dim1=1, dim2=2).sum(dim=1).mean()) < 0.05


def test_balance_brings_data_sets_placements_and_activities_towards_equal_shares():
    made, _ = made_windows()
    few = np.arange(len(made)) < 20
    windows = replace(
        made,
        dataset=np.where(few, "small", "large"),
        placement=np.where(np.arange(len(made)) % 3 == 0, "arm", "leg"),
    )
    assert draw_weights(windows, 0) is None
    equal, half = draw_weights(windows, 1), draw_weights(windows, 0.5)
    assert equal.sum() == pytest.approx(1)
    assert equal[few].sum() == pytest.approx(0.5)
    cells = [
        equal[~few & (windows.label == label) & (windows.placement == place)].sum()
        for label in np.unique(windows.label)
        for place in ("arm", "leg")
    ]
    np.testing.assert_allclose(cells, cells[0])
    assert few.mean() < half[few].sum() < 0.5
