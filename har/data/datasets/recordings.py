"""A person's own recordings, with labels: of the live page, of loggers, of several people.

A folder of CSV files, or zips of them, each a recording that `har.data.phone_files` reads: the
live page's sessions (*Record*), or a logger's file with a column `activity` or `label`. It holds a
folder for each person, and that may hold a folder for each placement, named at will:

    data/own/anna/pocket/20261126-101500-5f3a.csv
    data/own/anna/waist/walk.csv
    data/own/ben/stairs.zip
    data/own/a.csv

What lies in no person's folder is one more person's. People are numbered from 1001 in the order of
their folders' names. What is in no placement's folder is worn somewhere (an empty name).

Axes are those that the recording has. Rows whose label is empty or none of
`har.signals.recordings.ACTIVITIES` have no activity. What no sensor of a phone can have measured is
left out, as in live recognition.
"""

import hashlib
import shutil
from functools import partial
from pathlib import Path

import numpy as np

from har.data import phone_files
from har.data.archive import Archive
from har.data.bouts import bouts_of
from har.data.datasets.sources import Piece, Sources, read_pieces
from har.errors import HarError
from har.signals.recordings import ACTIVITIES, NO_ACTIVITY, RawRecording, Recording
from har.signals.sensors import MAX_ACCELERATION, MAX_ANGULAR_RATE

TITLE = "a person's own recordings"
CITATION = ""
LICENCE = "their own"
SUBJECTS = range(1001, 2001)
ARCHIVES: tuple[Archive, ...] = ()

SUFFIXES = (".csv", ".zip")
"""What a recording's name ends in; other files are not looked at."""


def fetch(folder: Path, sources: Sources) -> None:
    """Copy the recordings, in their folders.

    Raises:
        HarError: There are none, or one cannot be read.
    """
    for path in _files(sources.recordings):
        target = folder / path.relative_to(sources.recordings)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    try:
        for piece in pieces(folder):
            piece()
    except HarError as error:
        raise HarError(str(error).replace(str(folder), str(sources.recordings))) from None


def read(folder: Path) -> tuple[list[Recording], str]:
    """As `Dataset.read`; the digest is of all values in float32, labels, and places in the folder.

    Raises:
        HarError: A file is no recording, or has no labels known here.
    """
    return read_pieces(pieces(folder))


def pieces(folder: Path) -> list[Piece]:
    """What `read` reads, file by file.

    Raises:
        HarError: There are no files, or too many people.
    """
    files = _files(folder)
    people = sorted({_person(path, folder) for path in files})
    if len(people) > len(SUBJECTS):
        raise HarError(f"{folder} has {len(people)} people: {len(SUBJECTS)} are the most")
    numbers = dict(zip(people, SUBJECTS, strict=False))
    return [partial(_read_file, path, folder, numbers[_person(path, folder)]) for path in files]


def _read_file(path: Path, folder: Path, subject: int) -> tuple[list[Recording], str]:
    raw = _read_raw(path, subject, _placement(path, folder))
    digest = hashlib.sha256(f"{path.relative_to(folder).as_posix()}\n".encode())
    for values in (raw.times - raw.times[:1], raw.acceleration, raw.angular_rate, raw.activity):
        digest.update(values.astype("<f4").tobytes())
    return bouts_of(raw), digest.hexdigest()


def _files(folder: Path) -> list[Path]:
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )
    if not found:
        raise HarError(
            f'{folder} has no recording (.csv or .zip): put some there (docs/data.md, "Your own '
            'recordings"), or leave recordings out of dataset.names'
        )
    if deep := [path for path in found if len(path.relative_to(folder).parts) > 3]:
        raise HarError(
            f"{deep[0]}: recordings lie in {folder}/PERSON/PLACEMENT/ or above, not in further "
            "folders; move it"
        )
    return found


def _person(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder).parts
    return parts[0] if len(parts) > 1 else ""


def _placement(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder).parts
    return parts[1] if len(parts) > 2 else ""


def _read_raw(path: Path, subject: int, placement: str) -> RawRecording:
    samples = phone_files.read(path)
    if (samples.activity == NO_ACTIVITY).all():
        raise HarError(
            f"{path} has no column `activity` with any of {', '.join(ACTIVITIES)}: label it, or "
            "take it out of the folder"
        )
    assert samples.angular_rate is not None
    good = (np.abs(samples.acceleration) <= MAX_ACCELERATION).all(axis=1)
    good &= (np.abs(samples.angular_rate) <= MAX_ANGULAR_RATE).all(axis=1)
    if not good.any():
        raise HarError(f"{path} has no sample that a phone can have measured")
    return RawRecording(
        subject=subject,
        times=samples.times[good],
        acceleration=samples.acceleration[good],
        angular_rate=samples.angular_rate[good],
        activity=samples.activity[good],
        dataset="recordings",
        placement=placement,
        device="phone",
    )
