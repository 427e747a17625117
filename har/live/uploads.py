"""A phone logger's file that the page sends, read as a recording."""

import re
import tempfile
from pathlib import Path, PurePath
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from har.data import recording_files
from har.errors import HarError
from har.signals.sensors import Readings

MAX_BYTES = 64 << 20
"""What a file may have, as it is sent."""

MAX_UNPACKED = 256 << 20
"""What a zip may hold: hours at 100 samples a second."""

SUFFIXES = (".csv", ".tsv", ".txt", ".zip")


def converted(content: bytes, name: str, gyroscope: bool = True) -> dict[str, Any]:
    """A file's recording in the project's own form, but along the phone's own axes.

    Args:
        content: What is in the file.
        name: What it is called; only the ending counts.
        gyroscope: Whether angular rate is needed; if not, it is left out.

    Returns:
        `recording`, the text of the CSV; `notes`, what was decided about it, in words.

    Raises:
        HarError: It is not a recording, or too large.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise HarError(f"the name should end in {', '.join(SUFFIXES)}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"recording{suffix}"
        path.write_bytes(content)
        if suffix == ".zip":
            _refuse_large(path)
        try:
            samples = recording_files.read(path, gyroscope=gyroscope)
        except HarError as error:
            text = str(error).replace(str(path), "the file")
            if re.search(r"--[a-z]", text):  # advice for the command line, which the page lacks
                text += "; `python -m har predict` takes these options"
            raise HarError(text) from None
        readings = Readings(samples.acceleration_unit, samples.angular_rate_unit)
        signals = readings.convert(samples.acceleration, samples.angular_rate)
        keep = np.isfinite(signals).all(axis=1) & np.isfinite(samples.times)
        recording_files.write(
            path.with_suffix(".own"),
            samples.times[keep],
            signals[keep, :3],
            signals[keep, 3:] if gyroscope else None,
            None if samples.activity is None else samples.activity[keep],
        )
        return {
            "recording": path.with_suffix(".own").read_text(),
            "notes": list(samples.notes),
        }


def _refuse_large(path: Path) -> None:
    try:
        with ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except BadZipFile:
        raise HarError("the file is not a zip") from None
    if unpacked > MAX_UNPACKED:
        raise HarError(f"the zip holds {unpacked / 1e6:,.0f} MB; `python -m har predict` takes it")
