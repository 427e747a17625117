"""One page's connection: its messages in, predictions out, and its limits."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from har.errors import HarError
from har.live import messages
from har.live.batching import Batcher
from har.live.link import Link
from har.live.messages import Bye, Hello, Label, Message, Record, Samples, Save
from har.live.sessions import InUse, Session
from har.recognition.recognizer import Recognizer, Stream
from har.signals.sensors import NO_ANGULAR_RATE, Readings

logger = logging.getLogger(__name__)

SAVED_EVERY = 1.0
"""Seconds from one flush of a session to the next."""

STATUS_EVERY, NEWS_EVERY = 2.0, 0.25
"""Seconds between two statuses, at least; with more to tell than how many samples came."""

HANDOVER, ASKED_EVERY = 5.0, 0.05
"""Seconds until another connection has to have let go of a session, and between two requests."""

MOST_WAITING = 250
"""Samples that wait for their window, at most."""


@dataclass(frozen=True)
class Limits:
    """What one client may use.

    Attributes:
        streams: Clients at a time.
        seconds: Length of a connection.
        silence: Seconds without a message, after which it ends.
        sending: Seconds that a client may take to accept an answer.
        request: Seconds that an HTTP request may take to come, less its body, or its answer to go.
        upload: Seconds that a file may take to come, with waiting for those before it.
        messages: A second. Who sends more is read more slowly.
        samples: Likewise.
        windows: Likewise; short hops make many of them.
    """

    streams: int = 600
    seconds: float = 4 * 3600
    silence: float = 60.0
    sending: float = 10.0
    request: int = 20
    upload: float = 60.0
    messages: float = 200.0
    samples: float = 10_000.0
    windows: float = 400.0


class RateLimiter:
    """Says how long to wait so that on average no more than `rate` a second is used.

    Args:
        rate: Of whatever is counted, a second.
        burst: Seconds' worth of it that may come at once.
    """

    def __init__(self, rate: float, burst: float = 1.0) -> None:
        self._rate, self._burst = rate, burst
        self._used_until = -np.inf

    def wait(self, amount: float) -> float:
        """Seconds to wait after using that amount."""
        now = time.monotonic()
        self._used_until = max(now, self._used_until) + amount / self._rate
        return max(self._used_until - now - self._burst, 0.0)


class Ended(Exception):
    """The server ends the connection; the reason is told to the client.

    Args:
        code: Of WebSocket (RFC 6455, 7.4.1).
        reason: One line.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Connections:
    """All clients, and what they share.

    Args:
        recognizer: Recognises.
        sessions: Folder of the recordings that people make.
        limits: Of each client.
        link: To other processes that serve other clients, if there are any.
    """

    def __init__(
        self, recognizer: Recognizer, sessions: Path, limits: Limits, link: Link | None = None
    ) -> None:
        self.recognizer, self.sessions, self.limits, self.link = recognizer, sessions, limits, link
        self.batcher = Batcher(recognizer)
        self.open: set[Connection] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def lock_of(self, session: str | None) -> asyncio.Lock:
        """Held while a connection takes a session; a new one, of no name yet, is nobody else's."""
        return self._locks.setdefault(session, asyncio.Lock()) if session else asyncio.Lock()

    async def serve(self, socket: WebSocket) -> None:
        """Serve a client until either side ends."""
        if len(self.open) >= self.limits.streams:
            await socket.accept()
            await socket.close(1013, "the server is full; try later")
            return
        connection = Connection(self, socket)
        self.open.add(connection)
        try:
            await connection.run()
        finally:
            self.open.remove(connection)

    async def release(self, name: str) -> None:
        """End the session where it is: with a connection whose phone may have gone unnoticed."""
        for each in list(self.open):
            session = each.session
            if session is None or session.name != name:
                continue
            await asyncio.to_thread(each.keep)
            # If there is somebody after all: nothing more of it is written.
            self._in_background(each.tell_ended(session))

    def listen(self) -> None:
        """Let go of what other processes ask for, from now on."""
        if self.link is not None:
            self.link.listen(lambda name: self._in_background(self.release(name)))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def close(self) -> None:
        """End all."""
        for connection in self.open:
            connection.keep()
        self.batcher.close()


class Connection:
    """A client.

    Args:
        shared: What it shares with the others.
        socket: Its WebSocket.
    """

    def __init__(self, shared: Connections, socket: WebSocket) -> None:
        self._shared, self._socket, self._limits = shared, socket, shared.limits
        self._gyroscope = shared.recognizer.description.needs_gyroscope
        self._readings = Readings()
        self._stream: Stream | None = None
        self._times: list[float] = []
        self._acceleration: list[messages.Triple] = []
        self._angular_rate: list[messages.Triple] = []
        self._label: str | None = None
        self.session: Session | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._flushed = self._told = 0.0
        self._status: dict[str, Any] = {}
        self._messages = RateLimiter(self._limits.messages)
        self._samples = RateLimiter(self._limits.samples)

    async def run(self) -> None:
        """Until either side ends."""
        try:
            await self._socket.accept()
            await self._converse()
            await self._close(1000, "bye")
        except Ended as ended:
            await self._close(ended.code, ended.reason)
        except (WebSocketDisconnect, RuntimeError) as error:
            # Starlette raises RuntimeError where something is sent to who has just gone.
            logger.debug("client gone: %s", error)
        except HarError as error:
            logger.error("a client's connection failed: %s", error)
            await self._close(1011, str(error))
        except Exception:
            logger.exception("a client's connection failed")
            await self._close(1011, "the server failed; its terminal says why")
        finally:
            if self.session is not None:
                # Elsewhere: waiting for the disk here would keep everybody waiting.
                await asyncio.shield(asyncio.to_thread(self.keep))

    async def _converse(self) -> None:
        end = time.monotonic() + self._limits.seconds
        while True:
            message = await self._next()
            if isinstance(message, Bye):
                await self._recognize()
                await self._tell_status(last=True)
                return
            await self._take(message)
            if time.monotonic() > end:
                raise Ended(1008, "the session has reached its maximum length; start a new one")

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout(self._limits.silence):
                received = await self._socket.receive()
        except TimeoutError:
            raise Ended(1008, "nothing came for a while") from None
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1005))
        text = received.get("text")
        if text is None:
            raise Ended(1003, "messages should be text")
        try:
            message = messages.parse(text)
        except HarError as error:
            raise Ended(1007, str(error)) from None
        if isinstance(message, Hello) != (self._stream is None):
            raise Ended(1007, "hello should come first, and once")
        wait = self._messages.wait(1)
        if isinstance(message, Samples):
            wait = max(wait, self._samples.wait(len(message.times)))
        if wait:
            await asyncio.sleep(wait)
        return message

    async def _take(self, message: Message) -> None:
        match message:
            case Samples():
                await self._take_samples(message)
            case Hello():
                await self._begin(message)
            case Label():
                self._label = message.activity
            case Record():
                await self._record(message.name)
            case Save():
                await self._save()

    async def _begin(self, hello: Hello) -> None:
        self._readings = Readings(
            hello.acceleration_unit,
            hello.angular_rate_unit,
            np.array(hello.rotation).reshape(3, 3),
        )
        try:
            self._stream = self._shared.recognizer.stream(
                self._readings,
                hop=hello.hop,
                smoothing=hello.smoothing,
                profile=hello.profile,
                placement=hello.placement,
            )
        except HarError as error:
            raise Ended(1008, str(error)) from None
        self._samples = RateLimiter(min(self._limits.samples, self._limits.windows * hello.hop))
        size = self._shared.recognizer.description.window_size
        await self._send(messages.ready(self._stream.activities, size, hello.hop))

    async def _take_samples(self, samples: Samples) -> None:
        if self._gyroscope and samples.angular_rate is None:
            raise Ended(1007, NO_ANGULAR_RATE)
        if self.session is not None:
            await self._write(self.session, samples)
        if not samples.times or self._stream is None:
            return
        newest, backward = samples.times[-1], bool(self._times)
        backward = backward and not newest > self._times[-1]
        self._times += samples.times
        self._acceleration += samples.acceleration
        self._angular_rate += samples.angular_rate or []
        # A window is filtered when it is whole: in one go that costs a tenth of sample by sample.
        if newest >= self._stream.due - 1e-6 or backward or len(self._times) >= MOST_WAITING:
            await self._recognize()

    async def _recognize(self) -> None:
        if self._stream is None:
            return
        times, acceleration, angular_rate = self._times, self._acceleration, self._angular_rate
        self._times, self._acceleration, self._angular_rate = [], [], []
        if times:
            rate = np.array(angular_rate) if self._gyroscope else None
            batch = self._stream.push(np.array(times), np.array(acceleration), rate)
            if len(batch.times):
                for made in await self._shared.batcher.recognize(self._stream, batch):
                    await self._send(messages.prediction(made))
        await self._tell_status()

    async def _tell_status(self, last: bool = False) -> None:
        if self._stream is None:
            return
        status = messages.status(self._stream)
        news = status != self._status | {"samples": status["samples"]}
        since = time.monotonic() - self._told
        if last or since >= (NEWS_EVERY if news else STATUS_EVERY):
            self._status, self._told = status, time.monotonic()
            await self._send(status)

    async def _record(self, name: str | None) -> None:
        if self.session is not None:
            await self._save()
        async with self._shared.lock_of(name):  # of several that want it, one after the other
            try:
                self.session = await self._opened(name)
            except HarError as error:
                await self._send(messages.error(str(error)))
                return
            except OSError as error:
                await self._send(messages.error(f"the session cannot be written: {error.strerror}"))
                return
        self._flushed = time.monotonic()
        await self._tell_kept(self.session)

    async def _opened(self, name: str | None) -> Session:
        """A new session, or that of this name, which whoever has it lets go of."""
        end = time.monotonic() + HANDOVER
        if name:
            await self._shared.release(name)
        while True:
            try:
                return await asyncio.to_thread(
                    Session, self._shared.sessions, name, self._gyroscope
                )
            except InUse:
                if not name or time.monotonic() > end:
                    raise
                if self._shared.link is not None:
                    self._shared.link.ask(name)
                await asyncio.sleep(ASKED_EVERY)

    async def tell_ended(self, session: Session) -> None:
        """Say that another connection goes on with the session."""
        try:
            await self._tell_kept(session, done=True)
        except (Ended, WebSocketDisconnect, RuntimeError) as error:
            logger.debug("client gone: %s", error)

    async def _write(self, session: Session, samples: Samples) -> None:
        session.append(
            self._readings, samples.times, samples.acceleration, samples.angular_rate, self._label
        )
        if session.full:
            if await self._save():
                await self._send(
                    messages.error("the session has reached its maximum length; it is saved")
                )
        elif time.monotonic() - self._flushed >= SAVED_EVERY:
            self._flushed = time.monotonic()
            if self._flushing is None or self._flushing.done():
                self._flushing = asyncio.create_task(self._flush(session))

    async def _flush(self, session: Session) -> None:
        try:
            await asyncio.to_thread(session.flush)
            await self._tell_kept(session)
        except OSError as error:
            await self._send(messages.error(f"the session cannot be written: {error.strerror}"))
        except (Ended, WebSocketDisconnect, RuntimeError) as error:
            logger.debug("client gone: %s", error)  # the reader notices too

    async def _save(self) -> bool:
        session = self.session
        if session is None:
            await self._send(messages.error("nothing is being recorded"))
            return False
        try:
            await asyncio.to_thread(session.close)
        except OSError as error:
            self.session = None
            await self._send(messages.error(f"the session cannot be written: {error.strerror}"))
            return False
        self.session = None
        await self._tell_kept(session, done=True)
        return True

    async def _tell_kept(self, session: Session, done: bool = False) -> None:
        counts = session.rows, session.until, session.files, session.left_out
        await self._send(messages.kept(session.name, *counts, done=done))

    def keep(self) -> None:
        """Write what was recorded to the disk, whole rows, and record no more."""
        session, self.session = self.session, None
        if session is not None:
            try:
                session.close()
            except OSError as error:
                logger.error("session %s cannot be written: %s", session.name, error.strerror)

    async def _send(self, message: dict[str, Any]) -> None:
        await self._in_time(self._socket.send_text(json.dumps(message, allow_nan=False)))

    async def _close(self, code: int, reason: str) -> None:
        try:
            # A close frame takes 123 bytes of reason.
            short = reason.encode()[:120].decode(errors="ignore")
            await self._in_time(self._socket.close(code, short))
        except (Ended, WebSocketDisconnect, RuntimeError):
            pass

    async def _in_time(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._limits.sending):
                await sending
        except TimeoutError:
            raise Ended(1008, "the client does not read its answers") from None
