"""Arguments checked before they are used: which one, what was expected, what came."""

from typing import Any

import numpy as np
from torch import nn

from har.errors import HarError
from har.signals.blocks import by_block


def check_model(name: str, model: Any) -> None:
    """Raise HarError unless this argument is a network of PyTorch's."""
    if not isinstance(model, nn.Module):
        raise HarError(f"{name}: expected a torch.nn.Module, got {type(model).__name__}")


def check_signals(name: str, signals: Any, model: nn.Module) -> np.ndarray:
    """Windows for a model, as float32.

    Args:
        name: Of the argument.
        signals: Should be numbers (windows, size, channels), at least one window, all finite.
        model: The number of channels is compared with its `input_size`, if it has one.

    Raises:
        HarError: `signals` is something else.
    """
    try:
        array = np.asanyarray(signals, np.float32)
    except (TypeError, ValueError):
        raise HarError(
            f"{name}: expected numbers (windows, size, channels), got {type(signals).__name__}"
        ) from None
    if array.ndim != 3:
        raise HarError(f"{name}: expected (windows, size, channels), got the shape {array.shape}")
    if not array.size:
        raise HarError(f"{name}: expected at least one window, got the shape {array.shape}")
    channels = getattr(model, "input_size", array.shape[2])
    if array.shape[2] != channels:
        raise HarError(
            f"{name}: expected {channels} channels, the model's input_size, got {array.shape[2]}"
        )
    finite = by_block(array, lambda block: np.isfinite(block).all(axis=(1, 2)))
    if len(wrong := np.flatnonzero(~finite)):
        bad = int(wrong[0])
        raise HarError(f"{name}: expected finite numbers, window {bad} (from 0) holds others")
    return array


def check_labels(name: str, labels: Any, windows: int, classes: int) -> np.ndarray:
    """Labels of windows, as int64.

    Args:
        name: Of the argument.
        labels: Should be whole numbers (windows,), 0 to below `classes`.
        windows: How many there should be.
        classes: How many activities there are.

    Raises:
        HarError: `labels` is something else.
    """
    array = np.asarray(labels)
    if array.shape != (windows,):
        raise HarError(
            f"{name}: expected a label for each of {windows} windows, got the shape {array.shape}"
        )
    if array.dtype.kind not in "iu":
        raise HarError(f"{name}: expected whole numbers, got {array.dtype}")
    if array.min() < 0 or array.max() >= classes:
        raise HarError(
            f"{name}: expected labels from 0 to {classes - 1}, got {array.min()} to {array.max()}"
        )
    return array.astype(np.int64, copy=False)
