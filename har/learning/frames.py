"""Frames of reference: a window's vectors as they are, and as no way of wearing the phone changes.

A phone in a pocket may lie any way up. What it measures, turned so that gravity points the same way
in every window, is the same for all of them but for the direction that the person faces; and the
lengths of the vectors are the same for all. These are functions of a window alone, part of the
network and of its export.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from har.errors import HarError
from har.params import Frame

SENSORS = ("accelerometer", "gyroscope")
"""What the vectors are of, in order; the gyroscope may be left out."""

SMALLEST = 1e-6
"""Added to squares whose root is taken, which has no slope at 0."""


def width(frames: Sequence[Frame], channels: int) -> int:
    """Channels that `see` gives.

    Args:
        frames: As for `see`.
        channels: Channels that it is given.

    Raises:
        HarError: Frames other than `"measured"` are to be of something else than one vector of each
            of the `SENSORS`.
    """
    if list(frames) != ["measured"] and channels not in (3, 6):
        raise HarError(
            f"model.frames={list(frames)} need acceleration and angular rate, or acceleration "
            f"alone: 6 or 3 channels, not {channels}"
        )
    widths = {"measured": channels, "upright": channels, "lengths": channels // 3}
    return sum(widths[frame] for frame in frames)


def see(windows: Tensor, frames: Sequence[Frame]) -> Tensor:
    """A window in each of these frames, side by side.

    Args:
        windows: (batch, size, channels): acceleration with gravity x, y, z, and angular rate x, y,
            z if there is any, neither shifted nor scaled by axis. Any channels for `"measured"`
            alone.
        frames: `"measured"`: as it is. `"upright"`: turned so that the window's mean acceleration
            points along x, as gravity does for UCI HAR's phones. `"lengths"`: of each vector.

    Returns:
        (batch, size, `width(frames, channels)`).
    """
    if list(frames) == ["measured"]:
        return windows
    batch, size, _ = windows.shape
    vectors = windows.reshape(batch, size, -1, 3)
    seen = []
    for frame in frames:
        if frame == "measured":
            seen.append(windows)
        elif frame == "upright":
            seen.append(_upright(vectors).reshape(windows.shape))
        else:
            seen.append((vectors.square().sum(dim=3) + SMALLEST).sqrt())
    return torch.cat(seen, dim=2)


def _upright(vectors: Tensor) -> Tensor:
    """Vectors turned by half a turn about the line midway between mean acceleration and x.

    The direction that the person faces stays unknown: after a rotation of the phone by any angle it
    comes out another. Half a turn is free of angles and their quadrants.
    """
    up = vectors[:, :, 0].mean(dim=1)
    up = up / (up.square().sum(dim=1, keepdim=True) + SMALLEST).sqrt()
    x, y = torch.eye(3, device=vectors.device)[:2]
    midway = up + x
    length = midway.square().sum(dim=1, keepdim=True)
    # Upside down there is no line midway; any across x will do.
    midway = torch.where(length < 1e-6, y, midway / length.clamp(min=1e-6).sqrt())
    turn = 2 * midway[:, :, None] * midway[:, None, :] - torch.eye(3, device=vectors.device)
    return vectors @ turn[:, None]  # symmetric, its own inverse
