"""Augmentation: other windows that the same people might have given, made batch by batch.

All windows of a batch are changed at once, on the device that trains.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from har.data.windows import Windows
from har.params import Augmentation
from har.signals.channels import CHANNEL_GROUPS, depend_on_window, triplets
from har.signals.scaling import Scaling


class Augmenter:
    """Scaled windows by index, each time changed at random.

    - Shift: a window is cut anew from the stretch that it came from, at most `settings.shift` of
      its length earlier or later, and never beyond the stretch's ends.
    - Rotation: the phone sits at another angle. Acceleration and angular rate of a window are
      turned together: about a random axis by an angle drawn from a normal distribution, or by a
      rotation drawn from all alike, as Um et al. 2017 (https://doi.org/10.1145/3136755.3136817).
    - Scale: all channels of a window larger or smaller by one factor, log-normal.
    - Tempo: the movement slower or quicker by one factor, log-normal, and turning with it. What a
      slower window would need beyond its ends is its own signal, backwards.
    - Strength: the movement, what differs from the window's mean, larger or smaller by one factor,
      log-normal.
    - Blur: mixed with the mean of three neighbouring samples, as softer tissue and slower sensors
      do, by a share drawn up to `settings.blur`.
    - Noise: white, of a deviation drawn for each window from a log-normal distribution.

    Args:
        windows: Scaled windows, float32 (windows, size, channels).
        scaling: How they were scaled: signals turn in their own units.
        settings: How much of what; all zero leaves the windows as they are.
        device: Where to compute.
    """

    def __init__(
        self, windows: Windows, scaling: Scaling, settings: Augmentation, device: torch.device
    ) -> None:
        self.settings = settings
        self._triplets = triplets(windows.channels.tolist())
        self._offset = torch.from_numpy(scaling.offset).to(device)
        self._scale = torch.from_numpy(scaling.scale).to(device)
        sensors = {name: group.sensor for group in CHANNEL_GROUPS.values() for name in group.names}
        self._turning = torch.tensor(
            [sensors[name] == "gyroscope" for name in windows.channels], device=device
        )
        of_values = settings.model_dump(exclude={"shift"})
        self._changes_values = any(of_values.values())
        self._reach = round(settings.shift * windows.size)
        flat, place, first, last = stretches(windows)
        self._flat = torch.from_numpy(flat).to(device)
        self._place, self._first, self._last = (
            torch.from_numpy(each).to(device) for each in (place, first, last)
        )
        self._within = torch.arange(windows.size, device=device)

    def __len__(self) -> int:
        return len(self._place)

    def __call__(self, indices: Tensor) -> Tensor:
        """The windows at `indices` (batch,), changed: float32 (batch, size, channels)."""
        signals = self._shifted(indices)
        if not self._changes_values:
            return signals
        signals = signals * self._scale + self._offset
        if self.settings.rotation:
            turns = (
                any_rotations(len(indices), signals.device)
                if self.settings.rotation == "any"
                else random_rotations(len(indices), self.settings.rotation, signals.device)
            )
            for axes in self._triplets:
                signals[..., axes] = signals[..., axes] @ turns.transpose(1, 2)
        if self.settings.scale:
            signals = signals * self._factors(len(indices), self.settings.scale)
        if self.settings.tempo:
            factors = self._factors(len(indices), self.settings.tempo)
            signals = at_tempo(signals, factors)
            signals = torch.where(self._turning, signals * factors, signals)
        if self.settings.strength:
            mean = signals.mean(dim=1, keepdim=True)
            factors = self._factors(len(indices), self.settings.strength)
            signals = mean + (signals - mean) * factors
        if self.settings.blur:
            share = self.settings.blur * torch.rand(len(indices), 1, 1, device=signals.device)
            signals = torch.lerp(signals, blurred(signals), share)
        if self.settings.noise:
            size = self.settings.noise * self._factors(len(indices), 1.0)
            signals = signals + size * torch.randn_like(signals)
        return (signals - self._offset) / self._scale

    def _factors(self, count: int, deviation: float) -> Tensor:
        """Log-normal factors (count, 1, 1)."""
        return (torch.randn(count, 1, 1, device=self._offset.device) * deviation).exp()

    def _shifted(self, indices: Tensor) -> Tensor:
        """The windows at `indices` as their stretches have them, shifted."""
        place, first, last = self._place[indices], self._first[indices], self._last[indices]
        if self._reach:
            shift = torch.randint(-self._reach, self._reach + 1, place.shape, device=place.device)
            place = (place + shift).clamp(first, last)
        return self._flat[place[:, None] + self._within]


def at_tempo(signals: Tensor, factors: Tensor) -> Tensor:
    """Windows played quicker (factors above 1) or slower about their middle, reflected at the ends.

    Args:
        signals: (batch, size, channels).
        factors: (batch, 1, 1).
    """
    last = signals.shape[1] - 1
    middle = last / 2
    steps = torch.arange(signals.shape[1], device=signals.device)
    at = (steps - middle) * factors[:, :, 0] + middle
    at = (last - (last - at.abs()).abs()).clamp(0, last)
    before = at.floor().long().clamp(max=last - 1)
    share = (at - before)[..., None]

    def taken(places: Tensor) -> Tensor:
        return signals.gather(1, places[..., None].expand(-1, -1, signals.shape[2]))

    return torch.lerp(taken(before), taken(before + 1), share)


def blurred(signals: Tensor) -> Tensor:
    """The mean of each sample and its two neighbours: (batch, size, channels), as given."""
    padded = torch.cat([signals[:, :1], signals, signals[:, -1:]], dim=1)
    return (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3


def stretches(windows: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Put windows back together into the stretches that they were cut from.

    Returns:
        The samples of all stretches in a row (samples, channels); for each window its first sample
        there, and the first and last place of any window of its stretch, int64 (windows,). Each
        side is a stretch of its own where windows leave a gap or differ in the samples that they
        share, as channels that depend on the window do (`centred_acc`). Windows that follow on
        each other without sharing a sample are of one stretch, unless they have such channels.
    """
    apart = depend_on_window(windows.channels.tolist())
    order = np.lexsort((windows.start, windows.bout))
    bout, start = windows.bout[order], windows.start[order]
    begins = [0]
    for row in range(1, len(order)):
        step = start[row] - start[row - 1]
        before, after = windows.signals[order[row - 1]], windows.signals[order[row]]
        if (
            bout[row] != bout[row - 1]
            or step > windows.size
            or (step == windows.size and apart)
            or not np.array_equal(before[step:], after[: windows.size - step])
        ):
            begins.append(row)
    rows: list[np.ndarray] = []
    place, first, last = (np.empty(len(windows), np.int64) for _ in range(3))
    total = 0
    for begin, end in zip(begins, [*begins[1:], len(order)], strict=True):
        members, since = order[begin:end], start[begin:end] - start[begin]
        length = int(since[-1]) + windows.size
        stretch = np.empty((length, windows.signals.shape[2]), np.float32)
        for index, offset in zip(members, since, strict=True):
            stretch[offset : offset + windows.size] = windows.signals[index]
        rows.append(stretch)
        place[members] = total + since
        first[members], last[members] = total, total + length - windows.size
        total += length
    return np.concatenate(rows), place, first, last


def random_rotations(count: int, degrees: float, device: torch.device) -> Tensor:
    """Rotation matrices (count, 3, 3) about random axes (Rodrigues' formula).

    Args:
        count: How many.
        degrees: Standard deviation of the angle.
        device: Where to compute.
    """
    x, y, z = functional.normalize(torch.randn(count, 3, device=device), dim=1).T
    angle = torch.randn(count, 1, 1, device=device) * math.radians(degrees)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).view(count, 3, 3)
    one = torch.eye(3, device=device)
    return one + angle.sin() * cross + (1 - angle.cos()) * (cross @ cross)


def any_rotations(count: int, device: torch.device) -> Tensor:
    """Rotation matrices (count, 3, 3), all rotations alike likely.

    Normalised normal quaternions are: Shoemake 1992, Uniform random rotations, Graphics Gems III.
    """
    w, x, y, z = functional.normalize(torch.randn(count, 4, device=device), dim=1).T
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        *(2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        *(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(rows, dim=1).view(count, 3, 3)
