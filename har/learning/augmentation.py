"""Augmentation: other windows that the same people might have given, made batch by batch.

All windows of a batch are changed at once, on the device that trains.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from har.data.windows import Windows
from har.params import Augmentation
from har.signals.blocks import BLOCK, let_go, taken
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
        self._stretches = stretches(windows)
        self._device = device

    def __len__(self) -> int:
        return len(self._stretches.place)

    def __call__(self, indices: Tensor, part: slice = slice(None)) -> Tensor:
        """Windows, changed: float32 (batch, size, channels).

        Of windows in a file, these alone are read.

        Args:
            indices: Of a batch (batch,), on the CPU.
            part: Rows of it to give. Random numbers are drawn for all of the batch, so that a row
                is the same whichever others are given.
        """
        signals = self._shifted(indices, part)
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
                signals[..., axes] = signals[..., axes] @ turns[part].transpose(1, 2)
        if self.settings.scale:
            signals = signals * self._factors(len(indices), self.settings.scale)[part]
        if self.settings.tempo:
            factors = self._factors(len(indices), self.settings.tempo)[part]
            signals = at_tempo(signals, factors)
            signals = torch.where(self._turning, signals * factors, signals)
        if self.settings.strength:
            mean = signals.mean(dim=1, keepdim=True)
            factors = self._factors(len(indices), self.settings.strength)[part]
            signals = mean + (signals - mean) * factors
        if self.settings.blur:
            share = self.settings.blur * torch.rand(len(indices), 1, 1, device=signals.device)
            signals = torch.lerp(signals, blurred(signals), share[part])
        if self.settings.noise:
            size = self.settings.noise * self._factors(len(indices), 1.0)
            white = torch.randn(len(indices), *signals.shape[1:], device=signals.device)
            signals = signals + size[part] * white[part]
        return (signals - self._offset) / self._scale

    def _factors(self, count: int, deviation: float) -> Tensor:
        """Log-normal factors (count, 1, 1)."""
        return (torch.randn(count, 1, 1, device=self._offset.device) * deviation).exp()

    def _shifted(self, indices: Tensor, part: slice) -> Tensor:
        """The windows at `indices[part]` as their stretches have them, shifted."""
        rows = indices.numpy()
        place = self._stretches.place[rows]
        if self._reach:
            shift = torch.randint(-self._reach, self._reach + 1, place.shape).numpy()
            place = (place + shift).clip(self._stretches.first[rows], self._stretches.last[rows])
        return torch.from_numpy(self._stretches.windows_at(place[part])).to(self._device)


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


@dataclass(frozen=True)
class Stretches:
    """The stretches that windows were cut from, in a row; their samples stay where they are.

    Attributes:
        signals: Of the windows, float32 (windows, size, channels), in memory or in a file.
        place: int64 (windows,), a window's first sample in that row.
        first: int64 (windows,), first place of any window of its stretch.
        last: int64 (windows,), last place.
        order: int64 (windows,), the windows in the order of their places.
        places: int64 (windows,), these places, ascending.
    """

    signals: np.ndarray
    place: np.ndarray
    first: np.ndarray
    last: np.ndarray
    order: np.ndarray
    places: np.ndarray

    def windows_at(self, places: np.ndarray) -> np.ndarray:
        """Windows that begin at `places` (some,) and stay within a stretch: a copy."""
        size = self.signals.shape[1]
        # The last window that has the first sample, and the next one, which has what is beyond.
        number = np.searchsorted(self.places, places, "right") - 1
        following = np.minimum(number + 1, len(self.places) - 1)
        sample = (places - self.places[number])[:, None] + np.arange(size)
        beyond = sample >= size
        sample -= beyond * (self.places[following] - self.places[number])[:, None]
        row = np.where(beyond, self.order[following][:, None], self.order[number][:, None])
        return taken(self.signals, row, sample)


def stretches(windows: Windows) -> Stretches:
    """Put windows back together into the stretches that they were cut from.

    Each side is a stretch of its own where windows leave a gap or differ in the samples that they
    share, as channels that depend on the window do (`centred_acc`). Windows that follow on each
    other without sharing a sample are of one stretch, unless they have such channels.
    """
    apart = depend_on_window(windows.channels.tolist())
    order = np.lexsort((windows.start, windows.bout))
    bout, start = windows.bout[order], windows.start[order]
    step = np.diff(start)
    follows = (np.diff(bout) == 0) & (step < windows.size + (not apart))
    signals = np.asarray(windows.signals)
    for row in np.flatnonzero(follows):
        before, after = signals[order[row]], signals[order[row + 1]]
        shared = windows.size - step[row]
        follows[row] = np.array_equal(before[step[row] :], after[:shared])
        if row % BLOCK == 0:
            let_go(windows.signals)
    # From a window's place to the next one's: a step within a stretch, all of it after the last.
    places = np.concatenate([[0], np.cumsum(np.where(follows, step, windows.size))])
    ends = np.append(~follows, True)
    begins = np.append(True, ends[:-1])
    number = np.cumsum(begins) - 1
    place, first, last = (np.empty(len(windows), np.int64) for _ in range(3))
    place[order] = places
    first[order], last[order] = places[begins][number], places[ends][number]
    return Stretches(windows.signals, place, first, last, order, places)


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
