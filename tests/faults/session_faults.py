"""A recorded session in every state that people and machines bring it to, by hypothesis."""

import os
import tempfile
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from live import full_disk

from har.errors import HarError
from har.live.sessions import Session
from har.signals.sensors import Readings


class SessionsUnderFaults(RuleBasedStateMachine):
    """Samples are appended while disks fill up, clocks are set, and servers are killed.

    Whatever was said to be on the disk is there, in order, each row once.
    """

    folder = Path()

    def __init__(self) -> None:
        super().__init__()
        self.here = Path(tempfile.mkdtemp(dir=self.folder))
        self.session: Session | None = None
        self.clock = 0.0
        self.number = 0  # of the sample, which its acceleration tells
        self.taken: list[int] = []  # numbers of samples that a file may have, in order
        self.kept: list[int] = []  # of those said to be on the disk

    @precondition(lambda self: self.session is None)
    @rule()
    def begin(self) -> None:
        """Record anew."""
        self.session = Session(self.here)
        self.taken, self.kept, self.clock = [], [], 0.0
        self.before = set(self.here.glob("*"))

    @precondition(lambda self: self.session is not None)
    @rule(
        count=st.integers(1, 30),
        jump=st.sampled_from([0.0, 0.0, 0.0, 5.0, -100.0, 1e10, -0.1]),
        sane=st.booleans(),
    )
    def append(self, count: int, jump: float, sane: bool) -> None:
        """Samples come, after a jump of the clock."""
        assert self.session is not None
        newest, left_out = self.session._newest, self.session.left_out
        self.clock += jump if abs(self.clock) < 1e10 or jump < 0 else -1e10
        times = (self.clock + np.arange(1, count + 1) / 50).tolist()
        self.clock = times[-1]
        rows = [(self._reading() if sane else 1e9, 0.0, 1.0) for _ in times]
        self.session.append(Readings(), times, rows, [(0.0, 0.0, 0.0)] * count, None)
        new = self.session.left_out - left_out
        if not sane:
            assert new == count or self.session._went_on
        elif jump == -0.1 and newest > -np.inf:
            self.clock = max(self.clock, newest)
        if sane:
            last = len(times) - new
            self.taken += list(range(self.number - last, self.number))

    def _reading(self) -> float:
        self.number += 1
        return self.number * 1e-5

    @precondition(lambda self: self.session is not None)
    @rule(full=st.booleans())
    def flush(self, full: bool) -> None:
        """Rows are written, or the disk is full."""
        assert self.session is not None
        if full:
            with mock.patch("har.live.sessions.os.fsync", full_disk):
                try:
                    self.session.flush()
                except OSError:
                    return
        self.session.flush()
        assert self.session.rows == len(self.taken)
        self.kept = list(self.taken)

    @precondition(lambda self: self.session is not None and self.session.files == 1)
    @rule(torn=st.sampled_from([b"", b"1", b"1e9,0.5,0", b"9.5,0,0,0,0,0,0"]))
    def kill(self, torn: bytes) -> None:
        """The server is killed, perhaps within a row, and the page goes on with the session."""
        assert self.session is not None
        name, path = self.session.name, self.session._path
        os.close(os.dup(self.session._file.fileno()))
        self.session._file.close()
        with path.open("ab") as file:
            file.write(torn)
        self.session = Session(self.here, name)
        assert self.session.rows == len(self.kept)
        self.taken = list(self.kept)

    @precondition(lambda self: self.session is not None)
    @rule(name=st.sampled_from(["20200101-000000-00000000", "../etc/passwd", ""]))
    def go_on_with_nothing(self, name: str) -> None:
        """Another session is asked for that is not there."""
        try:
            Session(self.here, name)
        except HarError:
            return
        raise AssertionError(name)

    @precondition(lambda self: self.session is not None)
    @rule()
    def close(self) -> None:
        """The recording is complete."""
        assert self.session is not None
        self.session.close()
        assert self.session.rows == len(self.taken)
        self.kept = list(self.taken)
        self.check()
        self.session = None

    @invariant()
    def check(self) -> None:
        """What was said to be on the disk is there, and nothing of another order."""
        if self.session is None:
            return
        found = []
        for path in self.here.glob("*.csv"):
            lines = path.read_text().splitlines()
            rows = [[float(each) for each in line.split(",")[:7]] for line in lines[1:]]
            times = [row[0] for row in rows]
            assert all(later > before for before, later in pairwise(times))
            found += [round(row[1] * 1e5) for row in rows]
        assert len(set(found)) == len(found)
        assert set(self.kept) <= set(found)
