"""HTTP for clients that may be slow, silent, or deaf."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class RequestTimeout(H11Protocol):
    """Ends a connection that keeps the server waiting for `timeout_keep_alive` seconds.

    uvicorn ends those alone on which nothing comes after an answer. Here it is also those whose
    request does not get to the end of its headers, whose body goes on after the answer, and who
    do not take the answer. A body that the application still wants is the application's to end.
    """

    _ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """From here on a request is waited for."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """A part of a request, or all of it."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """The application is done; the client may not be."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._watch()

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it is written."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """It goes on taking it."""
        super().resume_writing()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        super().connection_lost(exc)
        self._stop()

    def _watch(self) -> None:
        if not self._waiting():
            self._stop()
        elif self._ending is None:
            self._ending = self.loop.call_later(self.timeout_keep_alive, self.transport.abort)

    def _stop(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None

    def _waiting(self) -> bool:
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return False  # over, or a WebSocket's
        if self.flow.write_paused or self.conn.their_state is h11.IDLE:
            return True
        answered = self.cycle is not None and self.cycle.response_complete
        return self.conn.their_state is h11.SEND_BODY and answered
