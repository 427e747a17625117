"""A common range for every channel, fitted on training subjects."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from har.errors import HarError
from har.signals.blocks import in_blocks


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


def fit_scaling(
    signals: np.ndarray,
    method: str,
    of: np.ndarray | None = None,
    make: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> Scaling:
    """The scaling that brings windows to a common range, channel by channel.

    Args:
        signals: (windows, size, channels); they may lie in a file larger than memory.
        method: `"standard"` (mean 0, standard deviation 1), `"minmax"` (0 to 1) or `"none"`.
        of: bool (windows,), those to look at: training subjects' only; None for all.
        make: What makes the channels of a few windows from theirs (`make_channels`); as they are by
            default.
    """

    def samples() -> Iterator[np.ndarray]:
        for block in in_blocks(signals, of):
            made = make(block)
            yield made.reshape(-1, made.shape[-1])

    channels = make(signals[:1]).shape[-1]
    count = signals.shape[1] * (len(signals) if of is None else np.count_nonzero(of))
    if method == "standard":
        offset = _sum(rows.astype(np.float64) for rows in samples()) / count
        scale = np.sqrt(_sum((rows - offset) ** 2 for rows in samples()) / count)
    elif method == "minmax":
        offset = np.min([rows.min(axis=0) for rows in samples()], axis=0)
        highest = np.max([rows.max(axis=0) for rows in samples()], axis=0)
        offset = offset.astype(np.float64)
        scale = highest - offset
    elif method == "none":
        offset, scale = np.zeros(channels), np.ones(channels)
    else:
        raise HarError(f"normalization.method: {method!r} is none of standard, minmax, none")
    # A channel that never changes carries nothing; dividing it by one keeps it finite.
    scale = np.where(scale > 0, scale, 1.0)
    return Scaling(offset.astype(np.float32), scale.astype(np.float32))


def _sum(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """The sum over all rows in their order, to the last bit as if the blocks were one array."""
    total: np.ndarray | None = None
    for block in blocks:
        total = (block if total is None else np.concatenate([total[None], block])).sum(axis=0)
    assert total is not None
    return total
