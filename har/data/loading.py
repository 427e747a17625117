"""The data set in one call: its files, recordings, windows and parts, as the stages make them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np

from har.data.archive import ArchiveUnavailable
from har.data.datasets import DATASETS, simulated, uci_har
from har.data.splits import split_and_scale
from har.data.windows import Windows, cut_windows
from har.errors import HarError
from har.files import replacing_folder
from har.params import Normalization, Simulated, Split, Windowing, checked
from har.signals.recordings import ACTIVITIES, Recording
from har.signals.scaling import Scaling

RAW = Path("data/raw")
"""Where the pipeline keeps the data set's files."""

METHODS = get_args(Normalization.model_fields["method"].annotation)
"""What `normalization` can be."""


@dataclass(frozen=True)
class HarDataset:
    """A data set ready to train on; unpacks into train, test, activities and channels.

    Attributes:
        train: Windows of training people.
        val: Windows of validation people, other ones; none unless they were asked for.
        test: Windows of test people, other ones again; for the final score, and to choose nothing.
        activities: Name of each label, from 0.
        channels: Name of each channel.
        scaling: What the signals went through; `scaling.undo` brings back g and rad/s.
    """

    train: Windows
    val: Windows
    test: Windows
    activities: tuple[str, ...]
    channels: tuple[str, ...]
    scaling: Scaling

    def __iter__(self) -> Iterator[Any]:
        return iter((self.train, self.test, self.activities, self.channels))


def load_har_dataset(
    name: str = "uci_har",
    *,
    channels: Sequence[str] = ("total_acc", "gyro"),
    size: int = 128,
    overlap: float = 0.5,
    val_subjects: int | list[int] = 0,
    seed: int = 0,
    normalization: str = "standard",
    folder: str | Path = RAW,
    seconds: float = 15.0,
) -> HarDataset:
    """Load a data set, as in `train, test, activities, channels = load_har_dataset()`.

    Args:
        name: `"uci_har"`, or `"simulated"` for recordings of a movement model, which need no
            download and say nothing about people.
        channels: Groups of channels, any of `har.signals.channels.CHANNEL_GROUPS`. The default is
            six channels: acceleration with gravity, and angular rate.
        size: Length of a window, samples at 50 Hz.
        overlap: Share of a window that the next one repeats, 0 to below 1.
        val_subjects: People to set apart for validation, of the training ones: how many, or which.
        seed: Of the draw when `val_subjects` is a number, and of the simulated people.
        normalization: `"standard"` (mean 0 and deviation 1 per channel), `"minmax"` (0 to 1), both
            fitted on training people, or `"none"`: signals in g and rad/s.
        folder: As for `load_recordings`.
        seconds: As for `load_recordings`.

    Raises:
        HarError: An argument is out of range, or the data set is not available.
    """
    groups = channels if isinstance(channels, str) else list(channels)  # a string is refused
    windowing = checked(Windowing, size=size, overlap=overlap, channels=groups)
    if isinstance(val_subjects, np.ndarray):
        val_subjects = val_subjects.tolist()
    split = checked(Split, val_subjects=val_subjects, seed=seed)
    if normalization not in METHODS:
        raise HarError(f"normalization={normalization!r}: expected one of {', '.join(METHODS)}")
    recordings, digest = read_with_digest(name, Path(folder), seconds, seed)
    windows = cut_windows(
        recordings, windowing.size, windowing.overlap, windowing.channels, name, digest
    )
    scaled, scaling = split_and_scale(windows, split.val_subjects, split.seed, normalization)
    return HarDataset(
        train=scaled.of("train"),
        val=scaled.of("val"),
        test=scaled.of("test"),
        activities=ACTIVITIES,
        channels=tuple(scaled.channels.tolist()),
        scaling=scaling,
    )


def load_recordings(
    name: str = "uci_har",
    *,
    folder: str | Path = RAW,
    seconds: float = 15.0,
    seed: int = 0,
) -> list[Recording]:
    """Load the continuous recordings of a data set.

    Args:
        name: `"uci_har"` or `"simulated"`.
        folder: UCI HAR's unpacked files. Where there is no such folder it is made first: from the
            archive in the folder that the environment variable `HAR_ARCHIVE_DIR` names, or from the
            publisher (61 MB). Not read for simulated recordings.
        seconds: Length of each simulated person's recording of each activity, s, 3 to 600.
        seed: Of the simulated people.

    Returns:
        A recording for each stretch of one activity: signals in g and rad/s at 50 Hz.

    Raises:
        HarError: An argument is out of range, or the data set is not available.
    """
    return read_with_digest(name, Path(folder), seconds, seed)[0]


def read_with_digest(
    name: str, folder: Path, seconds: float, seed: int
) -> tuple[list[Recording], str]:
    """What `load_recordings` gives, and the digest of the data set."""
    if name not in DATASETS:
        raise HarError(f"name={name!r}: expected one of {', '.join(DATASETS)}")
    if name == "simulated":
        settings = checked(Simulated, seconds=seconds, seed=seed)
        with TemporaryDirectory() as temporary:
            simulated.write(Path(temporary), settings.seconds, settings.seed)
            return simulated.read_recordings(Path(temporary))
    if not folder.exists():
        _fetch(folder)
    try:
        return uci_har.read_recordings(folder)
    except HarError as error:
        raise HarError(
            f"folder={str(folder)!r} does not hold UCI HAR ({error}): delete it, and it is "
            "unpacked again; name another folder; or load_har_dataset('simulated')"
        ) from None


def _fetch(folder: Path) -> None:
    named = os.environ.get("HAR_ARCHIVE_DIR")
    try:
        with replacing_folder(folder) as partial:
            uci_har.fetch(partial, Path(named) if named else None, folder.parent / "downloads")
    except ArchiveUnavailable as error:
        raise ArchiveUnavailable(
            f"UCI HAR is not available ({error}). Two ways on: put the archive into a folder and "
            "name it, `export HAR_ARCHIVE_DIR=/that/folder`, then call this again; "
            "or use simulated recordings, load_har_dataset('simulated')"
        ) from None
