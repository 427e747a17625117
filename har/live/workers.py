"""Several server processes behind one port; a phone is served by any, and finds its session there.

They share the socket that listens, so that the system gives each connection to one of them, and the
folder of sessions, whose files are locked by whoever writes them. A process that dies is started
again.
"""

import gc
import logging
import multiprocessing
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType

import uvicorn

from har.errors import HarError, in_one_line
from har.live import server
from har.live.connection import Limits
from har.live.link import Link, links
from har.recognition.recognizer import Recognizer

logger = logging.getLogger(__name__)

ENDING = 10.0
"""Seconds in which a process ends of itself: its sessions are on the disk sooner."""


METHOD = "fork" if sys.platform == "linux" else "spawn"
"""Of starting a process. Forked ones start at once and share the memory of what was imported."""


@dataclass(frozen=True)
class Site:
    """What every process serves.

    Attributes:
        model: Folder of the bundle.
        recordings: As for `har.live.server.make_app`, like the others.
        sessions: Likewise.
        names: Likewise.
        limits: Of each client, and of the clients of each process.
        address: As above.
        certificate: Likewise, and for HTTPS.
        key: The certificate's.
    """

    model: Path
    recordings: Path
    sessions: Path
    names: tuple[str, ...]
    limits: Limits
    address: str | None = None
    certificate: Path | None = None
    key: Path | None = None


def run(site: Site, number: int, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve in several processes until this one is told to end (SIGINT, SIGTERM or SIGHUP).

    Args:
        site: What they serve.
        number: How many.
        listening: Where.
        ready: Called once, when all of them serve.

    Raises:
        HarError: One of them cannot begin.
        KeyboardInterrupt: After SIGINT, as everywhere; all have ended.
        SystemExit: After SIGTERM and SIGHUP, likewise.
    """
    if sys.platform == "win32":
        raise HarError("several workers need Linux or macOS")
    before = {
        each: signal.signal(each, _exit)
        for each in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(each) != signal.SIG_IGN  # as under nohup
    }
    workers: list[_Worker] = []
    try:
        for index, link in enumerate(links(number)):
            workers.append(_Worker(f"worker {index + 1} of {number}", site, listening, link))
        told = False
        while True:
            wait([each for worker in workers for each in worker.news])
            for worker in workers:
                worker.look()
            if len({worker.model for worker in workers if worker.model}) > 1:
                raise HarError(f"{site.model} holds another model now: start the server again")
            if not told and all(worker.serves for worker in workers):
                told = True
                ready()
    finally:
        for worker in workers:
            worker.end()
        for worker in workers:
            worker.wait()
        for each, handler in before.items():
            signal.signal(each, handler)


def _exit(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


class _Worker:
    """One of the processes; if it dies after it has served, it is started again.

    Attributes:
        serves: Whether it does.
        model: Digest of its model, empty until it has served.
    """

    def __init__(self, name: str, site: Site, listening: socket.socket, link: Link) -> None:
        self._name, self._arguments = name, (site, listening, link)
        self.model = ""
        self._start()

    def _start(self) -> None:
        self.serves = False
        context = multiprocessing.get_context(METHOD)
        self._reports, theirs = context.Pipe(duplex=False)
        self._process = context.Process(  # type: ignore[attr-defined]
            target=_work, args=(*self._arguments, theirs)
        )
        # What a terminal sends to all is for the parent alone: what is blocked is inherited.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()

    @property
    def news(self) -> list[Connection | int]:
        """What can be waited for."""
        return [self._process.sentinel, *([] if self.serves else [self._reports])]

    def look(self) -> None:
        """See what has become of it.

        Raises:
            HarError: It cannot serve.
        """
        if not self.serves and self._reports.poll():
            with suppress(EOFError):  # it has died
                self.model, problem = self._reports.recv()
                if problem:
                    raise HarError(problem)
                self.serves = True
        code = self._process.exitcode
        if code is None:
            if not self.serves and self._reports.poll():  # its end is on its way
                self._process.join()
            return
        how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        if not self.model:
            raise HarError(f"{self._name} ended before it served ({how})")
        logger.warning(
            "%s ended (%s) and is started again; what it said to be saved is on the disk",
            self._name,
            how,
        )
        self._start()

    def end(self) -> None:
        """Tell it to end."""
        self._process.terminate()

    def wait(self) -> None:
        """Until it has ended, be it by force."""
        self._process.join(ENDING)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()


def _work(site: Site, listening: socket.socket, link: Link, report: Connection) -> None:
    """One of the processes."""
    # The parent's, in a process that was forked; the server sets its own.
    logging.getLogger("har").handlers.clear()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with in_one_line():
        try:
            recognizer = server.make_recognizer(site.model)
        except HarError as error:
            report.send(("", str(error)))
            return
        running = prepared(site, recognizer, link)
        threading.Thread(target=_end_with_parent, args=(running,), daemon=True).start()
        with suppress(BrokenPipeError):  # the parent has died, and the thread sees it
            report.send((recognizer.description.model_sha256, ""))
        running.run(sockets=[listening])


def prepared(site: Site, recognizer: Recognizer, link: Link | None = None) -> uvicorn.Server:
    """A process's server, ready to run.

    Args:
        site: What it serves.
        recognizer: Of the site's model.
        link: To the other processes, if there are any.
    """
    app = server.make_app(
        recognizer,
        site.recordings,
        site.sessions,
        site.names,
        site.limits,
        site.address,
        site.certificate,
        link,
    )
    made = server.make_server(app, site.certificate, site.key, site.limits)
    # What has been loaded so far stays: looking through it for garbage takes half a second.
    gc.collect()
    gc.freeze()
    return made


def _end_with_parent(running: uvicorn.Server) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    running.should_exit = True
