"""The network's channels, picked and derived from the nine measured signals.

`CHANNEL_GROUPS` is the one place that says what is known of a channel. Its functions, and
`make_channels`, take NumPy arrays and PyTorch tensors alike: the exported model calls them too.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from har.errors import HarError
from har.signals.recordings import BASE_CHANNELS

if TYPE_CHECKING:
    from torch import Tensor

Signals = TypeVar("Signals", np.ndarray, "Tensor")


@dataclass(frozen=True)
class ChannelGroup:
    """Channels made together from the nine measured ones.

    Attributes:
        names: Name of each channel. Three are x, y and z of one vector, which turn together when
            the sensor is turned.
        sensor: What measured them.
        gravity: Whether they hold the direction of gravity, so that their mean tells posture.
        description: One line for the help text.
        make: From (..., size, 9) to (..., size, channels), an array or a tensor; windows are the
            second-last axis.
        whole_window: Whether a sample depends on all of its window: the same moment differs from
            window to window.
    """

    names: tuple[str, ...]
    sensor: Literal["accelerometer", "gyroscope"]
    gravity: bool
    description: str
    make: Callable[[Any], Any]
    whole_window: bool = False

    @property
    def unit(self) -> str:
        """Their unit."""
        return {"accelerometer": "g", "gyroscope": "rad/s"}[self.sensor]

    @property
    def is_vector(self) -> bool:
        """Whether they are x, y and z of one vector."""
        return len(self.names) == 3


BODY_ACC, BODY_GYRO, TOTAL_ACC = slice(0, 3), slice(3, 6), slice(6, 9)


# PyTorch takes NumPy's names of these arguments, which its type hints do not know.
def _centred(signals: Any) -> Any:
    return signals - signals.mean(axis=-2, keepdims=True)


def _norm(signals: Any) -> Any:
    return (signals**2).sum(axis=-1, keepdims=True) ** 0.5


CHANNEL_GROUPS: dict[str, ChannelGroup] = {
    "total_acc": ChannelGroup(
        BASE_CHANNELS[TOTAL_ACC],
        "accelerometer",
        True,
        "acceleration with gravity",
        lambda s: s[..., TOTAL_ACC],
    ),
    "body_acc": ChannelGroup(
        BASE_CHANNELS[BODY_ACC],
        "accelerometer",
        False,
        "acceleration less gravity",
        lambda s: s[..., BODY_ACC],
    ),
    "gyro": ChannelGroup(
        BASE_CHANNELS[BODY_GYRO],
        "gyroscope",
        False,
        "angular rate",
        lambda s: s[..., BODY_GYRO],
    ),
    "centred_acc": ChannelGroup(
        ("centred_acc_x", "centred_acc_y", "centred_acc_z"),
        "accelerometer",
        False,
        "acceleration less its mean over the window",
        lambda s: _centred(s[..., TOTAL_ACC]),
        whole_window=True,
    ),
    "gravity": ChannelGroup(
        ("gravity_x", "gravity_y", "gravity_z"),
        "accelerometer",
        True,
        "acceleration below 0.3 Hz",
        lambda s: s[..., TOTAL_ACC] - s[..., BODY_ACC],
    ),
    "acc_norm": ChannelGroup(
        ("acc_norm",),
        "accelerometer",
        False,
        "length of the acceleration",
        lambda s: _norm(s[..., TOTAL_ACC]),
    ),
    "gyro_norm": ChannelGroup(
        ("gyro_norm",),
        "gyroscope",
        False,
        "length of the angular rate",
        lambda s: _norm(s[..., BODY_GYRO]),
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


def has_gravity(names: Iterable[str]) -> np.ndarray:
    """Which of these channels hold the direction of gravity: bool (channels,)."""
    known = {name for group in CHANNEL_GROUPS.values() if group.gravity for name in group.names}
    return np.array([name in known for name in names], bool)


def depend_on_window(names: Iterable[str]) -> bool:
    """Whether any of these channels has other values for the same moment in another window."""
    groups = [group for group in CHANNEL_GROUPS.values() if group.whole_window]
    return not {name for group in groups for name in group.names}.isdisjoint(names)


def triplets(names: Sequence[str]) -> list[slice]:
    """Where x, y and z of one vector stand side by side among these channels."""
    vectors = {group.names for group in CHANNEL_GROUPS.values() if group.is_vector}
    places = (slice(first, first + 3) for first in range(len(names) - 2))
    return [place for place in places if tuple(names[place]) in vectors]


def make_channels(signals: Signals, groups: Sequence[str]) -> Signals:
    """Pick and derive channels of windows.

    Args:
        signals: (..., size, 9), windows of the `BASE_CHANNELS`, an array or a tensor.
        groups: Keys of `CHANNEL_GROUPS`.

    Returns:
        (..., size, channels) of the same type.
    """
    made = [CHANNEL_GROUPS[group].make(signals) for group in groups]
    if isinstance(signals, np.ndarray):
        return np.concatenate(made, axis=-1)
    import torch  # which whoever gives a tensor has imported; nobody else needs it here

    return torch.cat(made, dim=-1)
