"""Windows: recordings cut into pieces of one length, and pieces put back together."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from har.errors import HarError, reason_of
from har.files import replacing_file
from har.signals.channels import channel_names, make_channels
from har.signals.recordings import ACTIVITIES, Recording

SPLITS = ("train", "val", "test")
"""Parts that windows are in; a person is in one of them."""

MAX_NUMBER = 2**40
"""No window, sample or person has a number beyond it."""

BLOCK = 512
"""Windows that are moved together."""


@dataclass(frozen=True)
class Windows:
    """Windows of signals with what is known of each.

    Attributes:
        signals: float32 (windows, size, channels), in g and rad/s, or scaled.
        label: int64 (windows,), index into `activities`.
        subject: int64 (windows,), number of the person.
        bout: int64 (windows,), number of the bout that the window was cut from.
        start: int64 (windows,), first sample of the window, counted within its bout.
        split: str (windows,), `"train"`, `"val"` or `"test"`.
        dataset: str (windows,), name of the data set.
        placement: str (windows,), where the sensors were worn.
        device: str (windows,), what measured.
        activities: str (activities,), names of those that the data sets have, in the order of
            `har.signals.recordings.ACTIVITIES`.
        channels: str (channels,), names of the channels.
        overlap: Share of a window that the next one has in common with it.
        dataset_digest: SHA-256 of the data sets' signals, labels and subjects.
    """

    signals: np.ndarray
    label: np.ndarray
    subject: np.ndarray
    bout: np.ndarray
    start: np.ndarray
    split: np.ndarray
    dataset: np.ndarray
    placement: np.ndarray
    device: np.ndarray
    activities: np.ndarray
    channels: np.ndarray
    overlap: float
    dataset_digest: str

    def __len__(self) -> int:
        return len(self.label)

    @property
    def size(self) -> int:
        """Samples a window."""
        size: int = self.signals.shape[1]
        return size

    @property
    def source(self) -> str:
        """Names of the data sets that the windows are of, such as `uci_har` or `hapt+dsads`."""
        return "+".join(dict.fromkeys(self.dataset.tolist()))

    def select(self, where: np.ndarray | slice) -> "Windows":
        """The windows at a boolean mask, at indices, or in a slice, of which no copy is made."""
        return replace(self, **{name: getattr(self, name)[where] for name in _PER_WINDOW})

    def of(self, split: str) -> "Windows":
        """The windows of one split: no copy where they lie together."""
        rows = np.flatnonzero(self.split == split)
        if len(rows) and len(rows) == rows[-1] + 1 - rows[0]:
            return self.select(slice(rows[0], rows[-1] + 1))
        return self.select(rows)


def prepare_lstm_data(data: Windows) -> tuple[np.ndarray, np.ndarray]:
    """What a network takes in, and what it should say.

    Args:
        data: Windows, such as `load_har_dataset().train`.

    Returns:
        X, float32 (windows, size, channels), in the units of `data`: scaled where those are; and
        y, int64 (windows,), indices into `data.activities`.

    Raises:
        HarError: `data` is something else.
    """
    if not isinstance(data, Windows):
        raise HarError(
            f"data: expected Windows, such as load_har_dataset().train, got {type(data).__name__}"
        )
    return data.signals.astype(np.float32, copy=False), data.label.astype(np.int64, copy=False)


_PER_WINDOW = (
    "signals",
    "label",
    "subject",
    "bout",
    "start",
    "split",
    "dataset",
    "placement",
    "device",
)


SCALING = ("offset", "scale")
"""Further arrays (channels,) that scaled windows may have beside them."""

SEAL = "seal"
"""Array of a file that has the digest of all others, with their names, types and shapes."""


def save(path: Path, windows: Windows, **more: np.ndarray) -> None:
    """Write windows, and what `SCALING` names, as an `.npz`: the same bytes every time.

    Raises:
        HarError: A value is out of its range; nothing is written.
    """
    arrays = {field.name: np.asarray(getattr(windows, field.name)) for field in fields(windows)}
    arrays |= more
    if problem := _problem(windows, more):
        raise HarError(f"{path} is not written: {problem}")
    with replacing_file(path) as partial:
        np.savez(partial, allow_pickle=False, **arrays, **{SEAL: np.array(_seal(arrays))})


def load(path: Path, split: str | None = None) -> tuple[Windows, dict[str, np.ndarray]]:
    """Read what `save` wrote: the windows, and the further arrays by name.

    Args:
        path: The file.
        split: Of the windows to keep; None for all. No second copy of them is made.

    Raises:
        HarError: The file is not there, cannot be read, or is not as it was written.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if str(arrays.pop(SEAL)) != _seal(arrays):
            raise ValueError("its seal is broken")
        own = {field.name: arrays.pop(field.name) for field in fields(Windows)}
        # What is a single value comes back as an array without axes.
        own = {name: value.item() if value.ndim == 0 else value for name, value in own.items()}
        windows = Windows(**own)
        if problem := _problem(windows, arrays):
            raise ValueError(problem)
    except FileNotFoundError:
        raise HarError(f"{path} is not there: run the pipeline, which makes it") from None
    except (PermissionError, IsADirectoryError) as error:
        raise HarError(f"{path} cannot be read: {error.strerror}") from None
    except MemoryError:
        raise
    except Exception as error:  # of NumPy, zipfile and zlib, whatever the damage leads to
        # NumPy takes what is no array for a pickle, which it is not.
        reason = "it holds no arrays" if "pickle" in str(error) else reason_of(error)
        raise HarError(f"{path} is damaged ({reason}): delete it and run the pipeline") from error
    if split is not None:
        rows = np.flatnonzero(windows.split == split)
        own |= {name: _only(own[name], rows) for name in _PER_WINDOW}
        windows = Windows(**own)
    return windows, arrays


def _seal(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(arrays.items()):
        digest.update(f"{name} {value.dtype.str} {value.shape}\n".encode())
        digest.update(np.ascontiguousarray(value).data)
    return digest.hexdigest()


def _problem(windows: Windows, more: Mapping[str, np.ndarray]) -> str:
    """What is wrong with windows, in words; nothing where nothing is."""
    signals, count = windows.signals, len(windows.label)
    channels, activities = len(windows.channels), len(windows.activities)
    if signals.dtype != np.float32 or signals.ndim != 3 or not signals.size:
        return f"signals of type {signals.dtype} and shape {signals.shape}"
    if signals.shape[2] != channels or len(set(windows.channels.tolist())) < channels:
        return f"{channels} names for {signals.shape[2]} channels, or one twice"
    if not np.isfinite(signals).all():
        return "a signal is not a finite number"
    for name in _PER_WINDOW:
        values = getattr(windows, name)
        whole = name in ("label", "subject", "bout", "start")
        if name != "signals" and (values.ndim != 1 or values.dtype.kind != ("i" if whole else "U")):
            return f"{name} of type {values.dtype} and shape {values.shape}"
        if len(values) != count:
            return f"{len(values)} of {name} for {count} windows"
        if whole and (values.min() < 0 or values.max() > MAX_NUMBER):
            return f"{name} from {values.min()} to {values.max()}"
    if windows.label.max() >= activities or set(windows.activities.tolist()) - set(ACTIVITIES):
        return f"labels up to {windows.label.max()} of {activities} activities, or unknown ones"
    if set(windows.split.tolist()) - set(SPLITS):
        return f"splits other than {', '.join(SPLITS)}"
    parts = set(zip(windows.subject.tolist(), windows.split.tolist(), strict=True))
    if len(parts) > len({subject for subject, _ in parts}):
        return "a person is in two parts"
    if not 0 <= windows.overlap < 1:
        return f"an overlap of {windows.overlap}"
    if set(more) not in (set(), set(SCALING)):
        return f"further arrays: {', '.join(more)}"
    for name, values in more.items():
        if values.shape != (channels,) or not np.isfinite(values).all():
            return f"{name} of shape {values.shape}, or not finite"
    if more and not (more["scale"] > 0).all():
        return "a scale that is not positive"
    return ""


def _only(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows of an array, in ascending order, in its own memory where they are most of it."""
    if len(rows) < len(values) / 2:
        few: np.ndarray = values[rows]
        return few
    for first in range(0, len(rows), BLOCK):
        part = rows[first : first + BLOCK]
        values[first : first + len(part)] = values[part]
    return values[: len(rows)]


def step_of(size: int, overlap: float) -> int:
    """Samples from one window's start to the next's."""
    return max(1, round(size * (1 - overlap)))


def cut_windows(
    recordings: Sequence[Recording],
    size: int,
    overlap: float,
    groups: Sequence[str],
    dataset_digest: str = "",
) -> Windows:
    """Cut recordings into windows, in g and rad/s.

    Args:
        recordings: In the order that the windows will have; a recording's place is its bout number.
        size: Samples a window. A recording shorter than that gives none, a rest at the end is left.
        overlap: Share of a window that the next one has in common with it, 0 to below 1.
        groups: Keys of `CHANNEL_GROUPS` to take.
        dataset_digest: Digest of the data sets' content, if they have one.

    Raises:
        HarError: No recording is long enough.
    """
    step = step_of(size, overlap)
    starts = [range(0, len(recording.signals) - size + 1, step) for recording in recordings]
    counts = [len(each) for each in starts]
    if not sum(counts):
        longest = max((len(recording.signals) for recording in recordings), default=0)
        raise HarError(
            f"windowing.size: no recording has {size} samples in one stretch "
            f"(the longest has {longest}); choose a smaller size"
        )
    names = channel_names(groups)
    # Filled in place, bout by bout: a list of windows and their stack would be in memory at once.
    signals = np.empty((sum(counts), size, len(names)), np.float32)
    row = 0
    for recording, begins in zip(recordings, starts, strict=True):
        for start in begins:
            signals[row] = make_channels(recording.signals[start : start + size], groups)
            row += 1
    occurring = sorted({recording.activity for recording in recordings})

    def of_recording(name: str) -> np.ndarray:
        return np.repeat([getattr(recording, name) for recording in recordings], counts)

    return Windows(
        signals=signals,
        label=np.searchsorted(occurring, of_recording("activity")),
        subject=of_recording("subject"),
        bout=np.repeat(np.arange(len(recordings)), counts),
        start=np.concatenate([np.array(each, np.int64) for each in starts]),
        split=of_recording("split"),
        dataset=of_recording("dataset"),
        placement=of_recording("placement"),
        device=of_recording("device"),
        activities=np.array([ACTIVITIES[activity] for activity in occurring]),
        channels=np.array(names),
        overlap=overlap,
        dataset_digest=dataset_digest,
    )


def with_channels(windows: Windows, groups: Sequence[str]) -> Windows:
    """Windows of the nine measured signals, with channels picked and derived.

    Args:
        windows: Of the `BASE_CHANNELS`, in g and rad/s.
        groups: Keys of `CHANNEL_GROUPS` to take.
    """
    signals = make_channels(windows.signals, groups)
    return replace(windows, signals=signals, channels=np.array(channel_names(groups)))


def split_as(measured: Windows, scaled: Windows) -> Windows:
    """Windows in g and rad/s, in the parts that the same windows are in when scaled.

    Raises:
        HarError: They are not the same windows.
    """
    same = ("label", "subject", "bout", "start", "dataset", "placement")
    if (measured.dataset_digest, measured.size) != (scaled.dataset_digest, scaled.size) or not all(
        np.array_equal(getattr(measured, name), getattr(scaled, name)) for name in same
    ):
        raise HarError("the scaled windows were made of others than those in g and rad/s")
    return replace(measured, split=scaled.split)


def join_overlapping(signals: np.ndarray, *same: np.ndarray) -> list[slice]:
    """Find the runs of windows that were cut, overlapping by half, from one stretch.

    Args:
        signals: (windows, size, channels).
        same: Arrays (windows,) that do not change within a stretch, such as label and subject.

    Returns:
        A slice of rows per stretch, in order. Neighbours belong together where the second half of
        one equals the first half of the next bit for bit in every channel.
    """
    half = signals.shape[1] // 2
    follows = (signals[:-1, half:] == signals[1:, :half]).all(axis=(1, 2))
    for values in same:
        follows &= values[:-1] == values[1:]
    edges = [0, *(np.flatnonzero(~follows) + 1).tolist(), len(signals)]
    return [slice(first, last) for first, last in pairwise(edges)]


def restore_stretch(signals: np.ndarray) -> np.ndarray:
    """The continuous signal (samples, channels) behind a run of windows."""
    half = signals.shape[1] // 2
    return np.concatenate([signals[0, :half], *signals[:, half:]])
