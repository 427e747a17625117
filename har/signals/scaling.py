"""A common range for every channel, fitted on training subjects."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from har.errors import HarError

BLOCK = 512
"""Windows looked at together."""


@dataclass(frozen=True)
class Scaling:
    """A scaling per channel: (signal - `offset`) / `scale`, both float32 (channels,)."""

    offset: np.ndarray
    scale: np.ndarray

    def apply(self, signals: np.ndarray, overwrite: bool = False) -> np.ndarray:
        """Scale (..., channels), float32; in the same memory if that may be overwritten."""
        scaled: np.ndarray = np.subtract(signals, self.offset, out=signals if overwrite else None)
        scaled /= self.scale
        return scaled

    def undo(self, scaled: np.ndarray) -> np.ndarray:
        """Scaled (..., channels) back in g and rad/s."""
        unscaled: np.ndarray = scaled * self.scale + self.offset
        return unscaled


def fit_scaling(signals: np.ndarray, method: str, of: np.ndarray | None = None) -> Scaling:
    """The scaling that brings windows to a common range, channel by channel.

    Args:
        signals: (windows, size, channels).
        method: `"standard"` (mean 0, standard deviation 1), `"minmax"` (0 to 1) or `"none"`.
        of: bool (windows,), those to look at: training subjects' only; None for all.
    """
    channels = signals.shape[-1]
    count = signals.shape[1] * (len(signals) if of is None else np.count_nonzero(of))
    if method == "standard":
        offset = _sum(rows.astype(np.float64) for rows in _in_blocks(signals, of)) / count
        scale = np.sqrt(_sum((rows - offset) ** 2 for rows in _in_blocks(signals, of)) / count)
    elif method == "minmax":
        offset = np.min([rows.min(axis=0) for rows in _in_blocks(signals, of)], axis=0)
        highest = np.max([rows.max(axis=0) for rows in _in_blocks(signals, of)], axis=0)
        offset = offset.astype(np.float64)
        scale = highest - offset
    elif method == "none":
        offset, scale = np.zeros(channels), np.ones(channels)
    else:
        raise HarError(f"normalization.method: {method!r} is none of standard, minmax, none")
    # A channel that never changes carries nothing; dividing it by one keeps it finite.
    scale = np.where(scale > 0, scale, 1.0)
    return Scaling(offset.astype(np.float32), scale.astype(np.float32))


def _in_blocks(signals: np.ndarray, of: np.ndarray | None) -> Iterator[np.ndarray]:
    """The samples (some, channels), a few windows at a time: no copy of all is in memory."""
    for first in range(0, len(signals), BLOCK):
        part = slice(first, first + BLOCK)
        chosen = signals[part] if of is None else signals[part][of[part]]
        if len(chosen):
            yield chosen.reshape(-1, signals.shape[-1])


def _sum(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """The sum over all rows in their order, to the last bit as if the blocks were one array."""
    total: np.ndarray | None = None
    for block in blocks:
        total = (block if total is None else np.concatenate([total[None], block])).sum(axis=0)
    assert total is not None
    return total
