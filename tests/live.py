"""A live server to test against, and pages that open it."""

import asyncio
import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from har.live import server
from har.live.connection import Limits
from har.signals.recordings import UCI_HAR_ACTIVITIES

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(server.__file__).parent / "node_modules/axe-core/axe.min.js"

needs_axe = pytest.mark.skipif(not AXE.exists(), reason="no axe-core: npm ci in har/live")


def complaints(page) -> list[tuple[str, list[str]]]:
    """What axe-core finds wrong with a page as it is now."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("async () => (await axe.run()).violations")
    return [(each["id"], [node["html"][:100] for node in each["nodes"]]) for each in found]


@contextmanager
def serving(
    bundle: Path,
    folder: Path,
    limits: Limits | None = None,
    port: int = 0,
    names: tuple[str, ...] = (),
    certificate: Path | None = None,
    key: Path | None = None,
    shown: str | None = None,
) -> Iterator[str]:
    """A server in a thread, with `folder` for recordings and sessions; yields host and port.

    `shown` is the address that it tells phones.
    """
    recognizer = server.make_recognizer(bundle)
    app = server.make_app(
        recognizer,
        folder / "recordings",
        folder / "sessions",
        names,
        limits,
        address=shown,
        certificate=certificate,
    )
    listening = server.listen("127.0.0.1", port)
    running = server.make_server(app, certificate, key, limits)
    thread = threading.Thread(
        target=lambda: asyncio.run(running.serve(sockets=[listening])), daemon=True
    )
    thread.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def full_disk(_: int) -> None:
    """In place of `os.fsync`."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def hapt_recording(folder: Path, experiment: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A recording out of the unpacked HAPT: times, six signals, activities (names, "" if none)."""
    [acceleration] = folder.glob(f"acc_exp{experiment:02d}_*.txt")
    [rate] = folder.glob(f"gyro_exp{experiment:02d}_*.txt")
    signals = np.hstack([np.loadtxt(acceleration), np.loadtxt(rate)])
    activity = np.full(len(signals), "", dtype="<U20")
    for number, _, label, first, last in np.loadtxt(folder / "labels.txt", int):
        if number == experiment and label <= len(UCI_HAR_ACTIVITIES):
            activity[first - 1 : last] = UCI_HAR_ACTIVITIES[label - 1]
    return np.arange(len(signals)) / 50, signals, activity


def write_recording(
    path: Path, times: np.ndarray, signals: np.ndarray, activity: np.ndarray
) -> None:
    """The project's own form."""
    lines = [
        "time_s,acc_x_g,acc_y_g,acc_z_g,gyro_x_rad_s,gyro_y_rad_s,gyro_z_rad_s,activity",
        *(
            f"{time:.3f},{','.join(f'{value:.7g}' for value in row)},{name}"
            for time, row, name in zip(times, signals, activity, strict=True)
        ),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
