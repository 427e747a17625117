"""The network's channels, picked and derived from the nine measured signals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from har.errors import HarError
from har.signals.recordings import BASE_CHANNELS


@dataclass(frozen=True)
class ChannelGroup:
    """Channels made together from the nine measured ones.

    Attributes:
        names: Name of each channel.
        unit: Their unit.
        description: One line for the help text.
        make: From (..., size, 9) to (..., size, channels); windows are the second-last axis.
    """

    names: tuple[str, ...]
    unit: str
    description: str
    make: Callable[[np.ndarray], np.ndarray]


BODY_ACC, BODY_GYRO, TOTAL_ACC = slice(0, 3), slice(3, 6), slice(6, 9)


def _centred(signals: np.ndarray) -> np.ndarray:
    return signals - signals.mean(axis=-2, keepdims=True, dtype=np.float64).astype(signals.dtype)


def _norm(signals: np.ndarray) -> np.ndarray:
    return np.linalg.norm(signals, axis=-1, keepdims=True)


CHANNEL_GROUPS: dict[str, ChannelGroup] = {
    "total_acc": ChannelGroup(
        BASE_CHANNELS[TOTAL_ACC], "g", "acceleration with gravity", lambda s: s[..., TOTAL_ACC]
    ),
    "body_acc": ChannelGroup(
        BASE_CHANNELS[BODY_ACC], "g", "acceleration less gravity", lambda s: s[..., BODY_ACC]
    ),
    "gyro": ChannelGroup(
        BASE_CHANNELS[BODY_GYRO], "rad/s", "angular rate", lambda s: s[..., BODY_GYRO]
    ),
    "centred_acc": ChannelGroup(
        ("centred_acc_x", "centred_acc_y", "centred_acc_z"),
        "g",
        "acceleration less its mean over the window",
        lambda s: _centred(s[..., TOTAL_ACC]),
    ),
    "gravity": ChannelGroup(
        ("gravity_x", "gravity_y", "gravity_z"),
        "g",
        "acceleration below 0.3 Hz",
        lambda s: s[..., TOTAL_ACC] - s[..., BODY_ACC],
    ),
    "acc_norm": ChannelGroup(
        ("acc_norm",), "g", "length of the acceleration", lambda s: _norm(s[..., TOTAL_ACC])
    ),
    "gyro_norm": ChannelGroup(
        ("gyro_norm",), "rad/s", "length of the angular rate", lambda s: _norm(s[..., BODY_GYRO])
    ),
}
"""Every group that `windowing.channels` may name."""


def channel_names(groups: Sequence[str]) -> tuple[str, ...]:
    """Names of the channels that these groups make, in order."""
    return tuple(name for group in groups for name in CHANNEL_GROUPS[group].names)


def groups_of(names: Sequence[str]) -> list[str]:
    """The groups that make just these channels, in this order.

    Raises:
        HarError: There are none.
    """
    groups: list[str] = []
    while len(done := channel_names(groups)) < len(names):
        rest = tuple(names[len(done) :])
        fitting = [
            name
            for name, group in CHANNEL_GROUPS.items()
            if rest[: len(group.names)] == group.names
        ]
        if not fitting:
            raise HarError(f"channels {', '.join(names)}: unknown from {rest[0]} on")
        groups += fitting
    return groups


def channel_units() -> dict[str, str]:
    """The unit of every channel that can be made, by its name."""
    return {name: group.unit for group in CHANNEL_GROUPS.values() for name in group.names}


def make_channels(signals: np.ndarray, groups: Sequence[str]) -> np.ndarray:
    """Pick and derive channels of windows.

    Args:
        signals: (..., size, 9), windows of the `BASE_CHANNELS`.
        groups: Keys of `CHANNEL_GROUPS`.

    Returns:
        (..., size, channels) of the same type.
    """
    return np.concatenate([CHANNEL_GROUPS[group].make(signals) for group in groups], axis=-1)
