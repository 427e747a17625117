"""Windows: recordings cut into pieces of one length, and pieces put back together."""

import hashlib
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from har.errors import HarError, reason_of
from har.files import replacing_file
from har.signals.blocks import in_blocks, rows_of
from har.signals.channels import channel_names, make_channels
from har.signals.recordings import ACTIVITIES, Recording
from har.signals.scaling import Scaling

if TYPE_CHECKING:
    from hashlib import _Hash

SPLITS = ("train", "val", "test")
"""Parts that windows are in; a person is in one of them."""

MAX_NUMBER = 2**40
"""No window, sample or person has a number beyond it."""


@dataclass(frozen=True)
class Windows:
    """Windows of signals with what is known of each.

    Attributes:
        signals: float32 (windows, size, channels), in g and rad/s, or scaled. Of windows that were
            loaded they are in the file, and cannot be written to.
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
        chosen: dict[str, Any] = {name: rows_of(getattr(self, name), where) for name in _PER_WINDOW}
        return replace(self, **chosen)

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


def save(
    path: Path, windows: Windows, blocks: Iterable[np.ndarray] | None = None, **more: np.ndarray
) -> None:
    """Write windows, and what `SCALING` names, as an `.npz`: the same bytes every time.

    Args:
        path: The file.
        windows: What to write.
        blocks: Their signals, some windows at a time, where they are not in memory at once; of
            `windows.signals` the shape and type are read then (`unknown_signals`).
        **more: What `SCALING` names.

    Raises:
        HarError: A value is out of its range; nothing is written.
    """
    arrays = {field.name: np.asarray(getattr(windows, field.name)) for field in fields(windows)}
    arrays |= more
    if problem := _problem(windows, more):
        raise HarError(f"{path} is not written: {problem}")
    digest = hashlib.sha256()
    given = in_blocks(windows.signals) if blocks is None else blocks
    # As `numpy.savez`, which has each array in memory.
    with replacing_file(path) as partial, zipfile.ZipFile(partial, "w") as file:
        with file.open("signals.npy", "w", force_zip64=True) as member:
            signals = windows.signals
            header = {"descr": signals.dtype.str, "fortran_order": False, "shape": signals.shape}
            np.lib.format.write_array_header_1_0(member, header)
            try:
                for block in _sealed(digest, arrays, given):
                    member.write(block.data)
            except ValueError as error:
                raise HarError(f"{path} is not written: {error}") from None
        del arrays["signals"]
        for name, value in (arrays | {SEAL: np.array(digest.hexdigest())}).items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, value, allow_pickle=False)


def load(path: Path, split: str | None = None) -> tuple[Windows, dict[str, np.ndarray]]:
    """Read what `save` wrote: the windows, and the further arrays by name.

    The file is read once, to see that it is whole; then the signals stay in it until they are used.

    Args:
        path: The file.
        split: Of the windows to keep; None for all.

    Raises:
        HarError: The file is not there, cannot be read, or is not as it was written.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name != "signals"}
            signals = _mapped(path, file.zip, "signals.npy")
        seal, digest = str(arrays.pop(SEAL)), hashlib.sha256()
        for _ in _sealed(digest, arrays | {"signals": signals}, in_blocks(signals)):
            pass
        if digest.hexdigest() != seal:
            raise ValueError("its seal is broken")
        own = {field.name: arrays.pop(field.name) for field in fields(Windows)[1:]}
        # What is a single value comes back as an array without axes.
        own = {name: value.item() if value.ndim == 0 else value for name, value in own.items()}
        windows = Windows(signals, **own)
        if problem := _problem(windows, arrays):
            raise ValueError(problem)
    except FileNotFoundError:
        raise HarError(f"{path} is not there: {_AGAIN}") from None
    except (PermissionError, IsADirectoryError) as error:
        raise HarError(f"{path} cannot be read: {error.strerror}") from None
    except MemoryError:
        raise
    except Exception as error:  # of NumPy, zipfile and zlib, whatever the damage leads to
        # NumPy takes what is no array for a pickle, which it is not.
        reason = "it holds no arrays" if "pickle" in str(error) else reason_of(error)
        raise HarError(f"{path} is damaged ({reason}): delete it and run the pipeline") from error
    return (windows if split is None else windows.of(split)), arrays


def load_measured(path: Path) -> Windows:
    """Read windows in g and rad/s.

    Raises:
        HarError: As `load`, or they are scaled.
    """
    windows, scaling = load(path)
    if scaling:
        raise HarError(f"{path} holds scaled windows, not g and rad/s: delete it and {_AGAIN}")
    return windows


def load_scaled(path: Path, split: str | None = None) -> tuple[Windows, Scaling]:
    """Read scaled windows, and how they were scaled.

    Raises:
        HarError: As `load`, or they are not scaled.
    """
    windows, scaling = load(path, split)
    if not scaling:
        raise HarError(f"{path} holds windows that are not scaled: delete it and {_AGAIN}")
    return windows, Scaling(**scaling)


_AGAIN = "run the pipeline, which makes it"


def unknown_signals(windows: int, size: int, channels: int) -> np.ndarray:
    """Stands for signals that are not in memory: their shape and type, and nothing more."""
    return np.broadcast_to(np.float32(0), (windows, size, channels))


def _mapped(path: Path, file: zipfile.ZipFile, name: str) -> np.memmap:
    """An array in an `.npz` as it lies in the file, of which nothing is read yet."""
    info = file.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    with file.open(name) as member:
        if np.lib.format.read_magic(member) != (1, 0):
            raise ValueError(f"{name} is of another version")
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(member)
        header = member.tell()
    if dtype != np.float32 or by_columns:
        raise ValueError(f"signals of type {dtype} and shape {shape}")
    with path.open("rb") as whole:
        # A name and further fields stand between the local header and what is stored.
        whole.seek(info.header_offset + 26)
        lengths = np.frombuffer(whole.read(4), "<u2")
    offset = info.header_offset + 30 + int(lengths.sum()) + header
    return np.memmap(path, dtype, "r", offset, shape)


def _sealed(
    digest: "_Hash", arrays: Mapping[str, np.ndarray], blocks: Iterable[np.ndarray]
) -> Iterator[np.ndarray]:
    """The blocks of the signals; at the end the digest is that of all arrays, a file's seal.

    Raises:
        ValueError: They are not as many as the signals should be, or hold what is no number.
    """
    for name, value in sorted(arrays.items()):
        digest.update(f"{name} {value.dtype.str} {value.shape}\n".encode())
        if name != "signals":
            digest.update(np.ascontiguousarray(value).data)
            continue
        count = 0
        for block in blocks:
            if not np.isfinite(block).all():
                raise ValueError("a signal is not a finite number")
            whole = np.ascontiguousarray(block, value.dtype)
            digest.update(whole.data)
            yield whole
            count += len(block)
        if count != len(value):
            raise ValueError(f"signals of {count} windows for {len(value)}")


def _problem(windows: Windows, more: Mapping[str, np.ndarray]) -> str:
    """What is wrong with windows, in words; nothing where nothing is."""
    signals, count = windows.signals, len(windows.label)
    channels, activities = len(windows.channels), len(windows.activities)
    if signals.dtype != np.float32 or signals.ndim != 3 or not signals.size:
        return f"signals of type {signals.dtype} and shape {signals.shape}"
    if signals.shape[2] != channels or len(set(windows.channels.tolist())) < channels:
        return f"{channels} names for {signals.shape[2]} channels, or one twice"
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
    if not np.isin(windows.split, SPLITS).all():
        return f"splits other than {', '.join(SPLITS)}"
    people = [np.unique(windows.subject[windows.split == split]) for split in SPLITS]
    if sum(map(len, people)) > len(np.unique(windows.subject)):
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
    described = describe(recordings, size, overlap, groups, dataset_digest)
    # Filled in place, bout by bout: a list of windows and their stack would be in memory at once.
    signals = np.empty(described.signals.shape, np.float32)
    row = 0
    for recording in recordings:
        for window in windows_in(recording, size, overlap):
            signals[row] = make_channels(window, groups)
            row += 1
    return replace(described, signals=signals)


def windows_in(recording: Recording, size: int, overlap: float) -> list[np.ndarray]:
    """The windows of a recording, none of them a copy: (size, 9) each."""
    starts = _starts(recording, size, overlap)
    return [recording.signals[start : start + size] for start in starts]


def _starts(recording: Recording, size: int, overlap: float) -> range:
    return range(0, len(recording.signals) - size + 1, step_of(size, overlap))


def describe(
    recordings: Sequence[Recording],
    size: int,
    overlap: float,
    groups: Sequence[str],
    dataset_digest: str,
) -> Windows:
    """What `cut_windows` gives, but for the signals (`unknown_signals`).

    Of the recordings' signals, the length is looked at.
    """
    starts = [_starts(recording, size, overlap) for recording in recordings]
    counts = [len(each) for each in starts]
    if not sum(counts):
        longest = max((len(recording.signals) for recording in recordings), default=0)
        raise HarError(
            f"windowing.size: no recording has {size} samples in one stretch "
            f"(the longest has {longest}); choose a smaller size"
        )
    names = channel_names(groups)
    occurring = sorted({recording.activity for recording in recordings})

    def of_recording(name: str) -> np.ndarray:
        return np.repeat([getattr(recording, name) for recording in recordings], counts)

    return Windows(
        signals=unknown_signals(sum(counts), size, len(names)),
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
