"""Data in one call: a data set's files, recordings, windows and parts, as the stages make them."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, get_args

import numpy as np

from har.data.archive import ArchiveUnavailable
from har.data.datasets import DATASETS, InPieces, chosen
from har.data.datasets.sources import Piece, Sources, read_pieces
from har.data.splits import split_and_scale
from har.data.windows import Windows, cut_windows
from har.errors import HarError
from har.files import replacing_folder
from har.params import OWN, RAW, Normalization, Simulated, Split, Windowing, checked
from har.signals.recordings import Recording
from har.signals.scaling import Scaling

T = TypeVar("T")

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
    name: str | Sequence[str] = "uci_har",
    *,
    channels: Sequence[str] = ("total_acc", "gyro"),
    size: int = 128,
    overlap: float = 0.5,
    val_subjects: int | list[int] = 0,
    test_subjects: int | list[int] = 0,
    seed: int = 0,
    normalization: str = "standard",
    folder: str | Path = RAW,
    seconds: float = 15.0,
    recordings: str | Path = OWN,
) -> HarDataset:
    """Load data, as in `train, test, activities, channels = load_har_dataset()`.

    Args:
        name: A data set or several, of `har.data.datasets.DATASETS`: such as `"uci_har"`, or
            `"simulated"` for recordings of a movement model, which need no download and say nothing
            about people.
        channels: Groups of channels, any of `har.signals.channels.CHANNEL_GROUPS`. The default is
            six channels: acceleration with gravity, and angular rate.
        size: Length of a window, samples at 50 Hz.
        overlap: Share of a window that the next one repeats, 0 to below 1.
        val_subjects: People to set apart for validation, of the training ones: how many, or which.
        test_subjects: People to test on beside those that the data sets name (UCI HAR and HAPT
            do), of the training ones: how many, or which.
        seed: Of the draws when these are numbers, and of the simulated people.
        normalization: `"standard"` (mean 0 and deviation 1 per channel), `"minmax"` (0 to 1), both
            fitted on training people, or `"none"`: signals in g and rad/s.
        folder: As for `load_recordings`.
        seconds: As for `load_recordings`.
        recordings: Likewise.

    Raises:
        HarError: An argument is out of range, or the data set is not available.
    """
    groups = channels if isinstance(channels, str) else list(channels)  # a string is refused
    windowing = checked(Windowing, size=size, overlap=overlap, channels=groups)
    val_subjects, test_subjects = (
        each.tolist() if isinstance(each, np.ndarray) else each
        for each in (val_subjects, test_subjects)
    )
    split = checked(Split, val_subjects=val_subjects, test_subjects=test_subjects, seed=seed)
    if normalization not in METHODS:
        raise HarError(f"normalization={normalization!r}: expected one of {', '.join(METHODS)}")
    simulated = checked(Simulated, seconds=seconds, seed=seed)
    bouts, digest = read_with_digest(name, Path(folder), simulated, Path(recordings))
    windows = cut_windows(bouts, windowing.size, windowing.overlap, windowing.channels, digest)
    scaled, scaling = split_and_scale(
        windows, split.val_subjects, split.seed, normalization, split.test_subjects, overwrite=True
    )
    return HarDataset(
        train=scaled.of("train"),
        val=scaled.of("val"),
        test=scaled.of("test"),
        activities=tuple(scaled.activities.tolist()),
        channels=tuple(scaled.channels.tolist()),
        scaling=scaling,
    )


def load_recordings(
    name: str | Sequence[str] = "uci_har",
    *,
    folder: str | Path = RAW,
    seconds: float = 15.0,
    seed: int = 0,
    recordings: str | Path = OWN,
) -> list[Recording]:
    """Load the continuous recordings of a data set, or of several.

    Args:
        name: A key of `har.data.datasets.DATASETS`, such as `"uci_har"` or `"simulated"`, or some.
        folder: Folder with a folder of unpacked files a data set. Where one is not there it is made
            first: from the archive in the folder that the environment variable `HAR_ARCHIVE_DIR`
            names, or from the publisher (UCI HAR: 61 MB). Not used for simulated recordings.
        seconds: Length of each simulated person's recording of each activity, s, 3 to 600.
        seed: Of the simulated people.
        recordings: Folder of a person's own recordings, for `"recordings"`, in the order of
            `har.data.datasets.recordings`.

    Returns:
        A recording for each stretch of one activity: signals in g and rad/s at 50 Hz.

    Raises:
        HarError: An argument is out of range, or a data set is not available.
    """
    simulated = checked(Simulated, seconds=seconds, seed=seed)
    return read_with_digest(name, Path(folder), simulated, Path(recordings))[0]


def read_with_digest(
    name: str | Sequence[str], folder: Path, simulated: Simulated, own: Path = OWN
) -> tuple[list[Recording], str]:
    """What `load_recordings` gives, and the digest of the data sets."""
    names = [name] if isinstance(name, str) else list(name)
    named = os.environ.get("HAR_ARCHIVE_DIR")
    sources = Sources(folder.parent / "downloads", Path(named) if named else None, simulated, own)
    with TemporaryDirectory() as temporary:
        places = {}
        for each, dataset in chosen(names).items():
            # What has no publisher is made anew, wherever an older one may lie.
            places[each] = (folder if dataset.ARCHIVES else Path(temporary)) / each
            if not places[each].exists():
                _fetch(each, places[each], sources)
        return read_all(places)


def read_all(places: Mapping[str, Path]) -> tuple[list[Recording], str]:
    """The recordings of data sets, one after the other, and a digest of all.

    Args:
        places: The folder of each, by the data set's name.

    Raises:
        HarError: A folder does not hold the data set, or two have the same people.
    """
    return read_pieces(partial(read_pieces, pieces) for pieces in pieces_of(places).values())


def pieces_of(places: Mapping[str, Path]) -> dict[str, list[Piece]]:
    """What can be read of data sets one at a time, by the data set's name: `read_all` in pieces.

    Args:
        places: As for `read_all`.

    Raises:
        HarError: As `read_all`; also when a piece is read.
    """
    found: dict[str, list[Piece]] = {}
    for name, dataset in chosen(list(places)).items():
        place = places[name]
        pieces = (
            _read(name, place, partial(dataset.pieces, place))
            if isinstance(dataset, InPieces)
            else [partial(dataset.read, place)]
        )
        found[name] = [partial(_read, name, place, piece) for piece in pieces]
    return found


def _read(name: str, place: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except HarError as error:
        raise HarError(
            f"{place} does not hold {DATASETS[name].TITLE} ({error}): delete it, and it is made "
            "again"
        ) from None


def _fetch(name: str, folder: Path, sources: Sources) -> None:
    dataset = DATASETS[name]
    try:
        with replacing_folder(folder) as partial:
            dataset.fetch(partial, sources)
    except ArchiveUnavailable as error:
        raise ArchiveUnavailable(
            f"{dataset.TITLE} is not available ({error}). Two ways on: put the archive into a "
            "folder and name it, `export HAR_ARCHIVE_DIR=/that/folder`, then call this again; "
            "or use simulated recordings, load_har_dataset('simulated')"
        ) from None
