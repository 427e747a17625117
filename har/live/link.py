"""What the server's processes say to each other: which session one of them wants."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress


class Link:
    """One process's ends of the sockets between all.

    Args:
        own: Where it hears from the others.
        others: Where each of the others hears.
    """

    def __init__(self, own: socket.socket, others: Sequence[socket.socket]) -> None:
        self._own, self._others = own, others
        for each in (own, *others):
            each.setblocking(False)

    def ask(self, session: str) -> None:
        """Ask the others to let go of a session; who does not listen does not have it for long."""
        for each in self._others:
            with suppress(OSError):
                each.send(session.encode())

    def listen(self, asked: Callable[[str], None]) -> None:
        """Call this with each session's name that another one asks for."""

        def read() -> None:
            with suppress(BlockingIOError):
                asked(self._own.recv(100).decode())

        asyncio.get_running_loop().add_reader(self._own, read)


def links(number: int) -> list[Link]:
    """As many, of which each leads to all others."""
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(number)]
    return [Link(own, [far for each, far in pairs if each is not own]) for own, _ in pairs]
