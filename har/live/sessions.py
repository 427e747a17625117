"""Sessions that people record on the page, written as they come."""

import os
import re
import secrets
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import numpy as np

from har.data.phone_files import columns
from har.errors import HarError
from har.live.messages import NAME
from har.recognition.recognizer import MAX_TIME
from har.signals.resampling import GAP
from har.signals.sensors import MAX_ACCELERATION, MAX_ANGULAR_RATE, Readings

MAX_ROWS = 2_000_000
"""Rows of a session: more than a day at 20 Hz, half a day at 50 Hz."""

MAX_FILES = 100
"""Files of a session: a clock that is set back more often than that is none."""


class InUse(HarError):
    """Another connection has the session, of this server or of another process."""


def take(path: Path, mode: str = "r+b") -> BinaryIO:
    """Open a session's file, for nobody else until it is closed.

    The lock is the file's own, wherever it is renamed to, and ends with the process that holds it.

    Raises:
        InUse: Somebody has it.
        FileNotFoundError: There is none, or none any more.
    """
    file: BinaryIO = path.open(mode, buffering=0)  # type: ignore[assignment]
    try:
        _lock(file, path)
        if not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise FileNotFoundError(path)
    except BaseException:
        file.close()
        raise
    return file


def _lock(file: BinaryIO, path: Path) -> None:
    if sys.platform == "win32":  # there a file that is open is not deleted, nor two servers started
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InUse(f"session {path.stem} is still being recorded") from None


class Session:
    """A recording under way, a row per sample: g and rad/s along the axes of the model's input.

    Whole rows are appended, so that the file is a recording at any time, however the server ends.
    Where the phone's clock is set back, the session goes on in a further file.

    Args:
        folder: Where to write.
        name: Of the file, less its ending, to go on with one that was interrupted; a new one by
            default.
        gyroscope: Whether it has angular rate.

    Raises:
        HarError: There is no session of this name, or its file is damaged.
        InUse: Somebody else has it.
        OSError: The file cannot be written.

    Attributes:
        name: As above; of the newest file.
        rows: On the disk, in all of its files.
        files: How many there are.
        until: Time of the last of the rows, None if there is none.
        left_out: Samples that no recognizer would take, and that no file has.
        closed: Nothing more is taken.
    """

    def __init__(self, folder: Path, name: str | None = None, gyroscope: bool = True) -> None:
        self._folder, self._gyroscope = folder, gyroscope
        self._header = ",".join(columns(gyroscope)) + "\n"
        self.rows, self.files, self.left_out = 0, 1, 0
        self.until: float | None = None
        self.closed = False
        # Rows to be written; None where a further file begins.
        self._pending: list[str | None] = []
        self._newest = -np.inf
        self._went_on = name is not None
        # Of the file, which a thread writes; and of the rows that it has not taken yet.
        self._writing, self._taking = threading.Lock(), threading.Lock()
        self._file: BinaryIO
        if name is None:
            self._begin()
        else:
            if not re.fullmatch(NAME, name):
                raise HarError(f"{name:.40}: not the name of a session")
            self.name = name
            self._path = folder / f"{name}.csv"
            self._go_on()

    def _begin(self) -> None:
        self.name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
        self._path = self._folder / f"{self.name}.csv"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file = take(self._path, "xb")
        self._rows_here = 0
        self._write(self._header)

    def _go_on(self) -> None:
        try:
            self._file = take(self._path)
        except FileNotFoundError:
            raise HarError(f"there is no session {self.name} to go on with") from None
        try:
            content = self._file.read()
            whole = content[: content.rfind(b"\n") + 1]
            header, _, rows = whole.partition(b"\n")
            if whole and header + b"\n" != self._header.encode():
                raise HarError(f"session {self.name} is damaged, or of a model with other sensors")
            self.rows = self._rows_here = rows.count(b"\n")
            if rows:
                self._newest = self.until = self._time_of(rows[rows[:-1].rfind(b"\n") + 1 : -1])
            self._file.seek(len(whole))
            self._file.truncate()  # a row that was cut off
            if not whole:
                self._write(self._header)
        except BaseException:
            self._file.close()
            raise

    def _time_of(self, row: bytes) -> float:
        """Time of the last row, which tells where the file goes on."""
        *numbers, _ = row.split(b",")
        try:
            values = [float(number) for number in numbers]
        except ValueError:
            values = []
        if len(values) != self._header.count(",") or not np.isfinite(values).all():
            raise HarError(f"session {self.name} is damaged: its last row is none")
        return values[0]

    def append(
        self,
        readings: Readings,
        times: list[float],
        acceleration: list[tuple[float, float, float]],
        angular_rate: list[tuple[float, float, float]] | None,
        activity: str | None,
    ) -> None:
        """Take samples to write; those that a recognizer would not take are left out."""
        if self.closed or not times:
            return
        with np.errstate(invalid="ignore", over="ignore"):
            rate = np.array(angular_rate) if self._gyroscope else None
            converted = readings.convert(np.array(acceleration), rate)
            limits = np.repeat([MAX_ACCELERATION, MAX_ANGULAR_RATE], 3)[: converted.shape[1]]
            sane = (np.abs(converted) <= limits).all(axis=1)
        taken: list[str | None] = []
        for moment, row, good in zip(times, converted.tolist(), sane.tolist(), strict=True):
            # Six digits are written; a time that reads like the one before is dropped.
            later = moment >= self._newest + 2e-6
            if self._went_on and not later:
                continue  # it is in the file already
            if not good or not abs(moment) <= MAX_TIME or not (later or self._is_set_back(moment)):
                self.left_out += 1
                continue
            if not later:
                taken.append(None)
                self.files += 1
            self._went_on = False
            self._newest = moment
            values = ",".join(f"{value:.7g}" for value in row)
            taken.append(f"{moment:.6f},{values},{activity or ''}\n")
        with self._taking:
            self._pending += taken

    def _is_set_back(self, moment: float) -> bool:
        """Whether the clock was, as `har.recognition.recognizer.Stream` sees it."""
        return self._newest - moment > GAP and self.files < MAX_FILES

    @property
    def full(self) -> bool:
        """Whether it has reached its maximum length."""
        return self.rows + len(self._pending) >= MAX_ROWS

    def flush(self) -> None:
        """Write what was taken to the disk.

        Raises:
            OSError: It cannot be written; the rows are kept for the next try.
        """
        with self._writing:
            if not self.closed:
                self._flush()

    def _flush(self) -> None:
        with self._taking:
            taken, self._pending = self._pending, []
        try:
            while taken:
                if taken[0] is None:
                    before = self._file
                    self._begin()
                    before.close()
                    taken = taken[1:]
                end = taken.index(None) if None in taken else len(taken)
                self._write_rows([row for row in taken[:end] if row is not None])
                taken = taken[end:]
        except OSError:
            with self._taking:
                self._pending = taken + self._pending
            raise

    def _write_rows(self, rows: list[str]) -> None:
        start = self._file.tell()
        try:
            self._write("".join(rows))
            os.fsync(self._file.fileno())
        except OSError:
            self._file.seek(start)
            self._file.truncate()
            raise
        self.rows += len(rows)
        self._rows_here += len(rows)
        self.until = float(rows[-1].split(",", 1)[0])

    def _write(self, text: str) -> None:
        content = memoryview(text.encode())
        while content:
            content = content[self._file.write(content) :]

    def close(self) -> None:
        """Flush and take no more; a file without a row does not stay."""
        with self._writing:
            if self.closed:
                return
            try:
                self._flush()
            finally:
                self.closed = True
                if not self._rows_here:
                    self._path.unlink(missing_ok=True)
                self._file.close()
