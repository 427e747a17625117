"""Connections, no more than the system lets a process have open beside its files."""

import logging
import socket
import sys
import time

import uvicorn

logger = logging.getLogger(__name__)

OWN = 64
"""Files and sockets that the server has open for itself, at most."""

TOLD_EVERY = 60.0
"""Seconds from one warning to the next, at least."""


class Listening(socket.socket):
    """Ends connections at once for which, with a file each, there are no descriptors.

    Where the system has none left to give, asyncio asks again as many times as connections may
    wait, each second anew (`BaseSelectorEventLoop._accept_connection`).

    Attributes:
        most: The system gives the lowest number that is free, so that numbers below this one are of
            connections that all can have a file.
    """

    most = sys.maxsize
    _told = -TOLD_EVERY

    def accept(self) -> tuple[socket.socket, object]:
        """Take a connection.

        Raises:
            ConnectionAbortedError: It was one too many.
        """
        connection, address = super().accept()
        if connection.fileno() < self.most:
            return connection, address
        connection.close()
        if time.monotonic() - self._told >= TOLD_EVERY:
            self._told = time.monotonic()
            logger.warning(
                "connections are refused: the system lets this process open no more than %d files "
                "and connections (`ulimit -n` raises it)",
                2 * self.most,
            )
        raise ConnectionAbortedError


class Server(uvicorn.Server):
    """A server with as many connections as there are descriptors for."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, through sockets that refuse what is too much."""
        most = allow(2 * (self.config.limit_concurrency or 0) + OWN) // 2
        guarded: list[socket.socket] = []
        for each in sockets or ():
            listening = Listening(fileno=each.dup().detach())  # the caller keeps its own
            listening.most = most
            guarded.append(listening)
        await super().startup(guarded or None)


def allow(wanted: int) -> int:
    """Ask the system for so many descriptors; returns how many it gives."""
    if sys.platform == "win32":
        return sys.maxsize  # its numbers are no limit
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    if soft != endless and soft < wanted:
        soft = wanted if hard == endless else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return sys.maxsize if soft == endless else soft
