"""Sessions that people record on the page, written as they come."""

import os
import re
import secrets
import threading
import time
from pathlib import Path
from typing import BinaryIO

import numpy as np

from har.data.phone_files import columns
from har.errors import HarError
from har.live.messages import NAME
from har.recognition.recognizer import MAX_TIME
from har.signals.sensors import MAX_ACCELERATION, MAX_ANGULAR_RATE, Readings

MAX_ROWS = 2_000_000
"""Rows of a session: more than a day at 20 Hz, half a day at 50 Hz."""


class Session:
    """A recording under way, a row per sample: g and rad/s along the axes of the model's input.

    Whole rows are appended, so that the file is a recording at any time, however the server ends.

    Args:
        folder: Where to write.
        name: Of the file, less its ending, to go on with one that was interrupted; a new one by
            default.
        gyroscope: Whether it has angular rate.

    Raises:
        HarError: There is no session of this name.
        OSError: The file cannot be written.

    Attributes:
        name: As above.
        rows: On the disk.
        until: Time of the last of them, None if there is none.
        closed: Nothing more is taken.
    """

    def __init__(self, folder: Path, name: str | None = None, gyroscope: bool = True) -> None:
        self._gyroscope = gyroscope
        self._header = ",".join(columns(gyroscope)) + "\n"
        self.rows = 0
        self.until: float | None = None
        self.closed = False
        self._pending: list[str] = []
        self._newest = -np.inf
        self._writing = threading.Lock()
        self._file: BinaryIO
        if name is None:
            self.name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
            self._path = folder / f"{self.name}.csv"
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("xb", buffering=0)
            self._write(self._header)
        else:
            if not re.fullmatch(NAME, name):
                raise HarError(f"{name:.40}: not the name of a session")
            self.name = name
            self._path = folder / f"{name}.csv"
            self._go_on()

    def _go_on(self) -> None:
        try:
            self._file = self._path.open("r+b", buffering=0)
        except FileNotFoundError:
            raise HarError(f"there is no session {self.name} to go on with") from None
        content = self._file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._file.seek(len(whole))
        self._file.truncate()
        lines = whole.decode(errors="replace").splitlines()
        if not lines:
            self._write(self._header)
        elif lines[0] + "\n" != self._header:
            self._file.close()
            raise HarError(f"session {self.name} is damaged, or of a model with other sensors")
        self.rows = max(len(lines) - 1, 0)
        if self.rows:
            self._newest = self.until = float(lines[-1].split(",", 1)[0])

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
        for moment, row, good in zip(times, converted.tolist(), sane.tolist(), strict=True):
            # Six digits are written; a time that reads like the one before is dropped.
            if good and abs(moment) <= MAX_TIME and moment >= self._newest + 2e-6:
                self._newest = moment
                values = ",".join(f"{value:.7g}" for value in row)
                self._pending.append(f"{moment:.6f},{values},{activity or ''}\n")

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
        taken, self._pending = self._pending, []
        if not taken:
            return
        start = self._file.tell()
        try:
            self._write("".join(taken))
            os.fsync(self._file.fileno())
        except OSError:
            self._pending = taken + self._pending
            self._file.seek(start)
            self._file.truncate()
            raise
        self.rows += len(taken)
        self.until = float(taken[-1].split(",", 1)[0])

    def _write(self, text: str) -> None:
        content = memoryview(text.encode())
        while content:
            content = content[self._file.write(content) :]

    def close(self) -> None:
        """Flush and take no more; a session without a row leaves no file."""
        with self._writing:
            if self.closed:
                return
            try:
                self._flush()
            finally:
                self.closed = True
                self._file.close()
                if not self.rows:
                    self._path.unlink(missing_ok=True)
