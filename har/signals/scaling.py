"""A common range for every channel, fitted on training subjects."""

from dataclasses import dataclass

import numpy as np

from har.errors import HarError


@dataclass(frozen=True)
class Scaling:
    """A scaling per channel: (signal - `offset`) / `scale`, both float32 (channels,)."""

    offset: np.ndarray
    scale: np.ndarray

    def apply(self, signals: np.ndarray) -> np.ndarray:
        """Scale (..., channels)."""
        scaled: np.ndarray = (signals - self.offset) / self.scale
        return scaled

    def undo(self, scaled: np.ndarray) -> np.ndarray:
        """Scaled (..., channels) back in g and rad/s."""
        unscaled: np.ndarray = scaled * self.scale + self.offset
        return unscaled


def fit_scaling(signals: np.ndarray, method: str) -> Scaling:
    """The scaling that brings these windows to a common range, channel by channel.

    Args:
        signals: (windows, size, channels), of training subjects only.
        method: `"standard"` (mean 0, standard deviation 1), `"minmax"` (0 to 1) or `"none"`.
    """
    axes, channels = (0, 1), signals.shape[-1]
    if method == "standard":
        offset = signals.mean(axis=axes, dtype=np.float64)
        scale = signals.std(axis=axes, dtype=np.float64)
    elif method == "minmax":
        offset = signals.min(axis=axes).astype(np.float64)
        scale = signals.max(axis=axes) - offset
    elif method == "none":
        offset, scale = np.zeros(channels), np.ones(channels)
    else:
        raise HarError(f"normalization.method: {method!r} is none of standard, minmax, none")
    # A channel that never changes carries nothing; dividing it by one keeps it finite.
    scale = np.where(scale > 0, scale, 1.0)
    return Scaling(offset.astype(np.float32), scale.astype(np.float32))
