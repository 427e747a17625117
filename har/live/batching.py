"""Windows of all streams that are due, recognised together."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import torch

from har.recognition.recognizer import Cut, Prediction, Recognizer, Stream

MOST = 256
"""Windows in one call of the network, about: what comes meanwhile waits for the next."""

GATHERING = 0.02
"""Seconds to wait for more windows, where several came in the time of one call."""


class Batcher:
    """Collects windows while the network is at work, and gives it all of them next.

    The network has a thread of its own, so that the event loop stays free. A window that comes
    alone is recognised at once. Where many streams bring theirs, a call of the network for each
    takes several times as long as one for all, so it waits a moment and takes what has come.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self._waiting: list[tuple[Stream, Cut, asyncio.Future[list[Prediction]]]] = []
        self._thread = ThreadPoolExecutor(1, "network", lambda: torch.set_num_threads(1))
        self._running: asyncio.Task[None] | None = None

    async def recognize(self, stream: Stream, cut: Cut) -> list[Prediction]:
        """As `Recognizer.recognize` for one stream; the next cut of it after this one's answer."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((stream, cut, answer))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = self._take()
            cuts = [(stream, cut) for stream, cut, _ in batch]
            answers = [answer for _, _, answer in batch]
            try:
                found = await loop.run_in_executor(self._thread, self._recognizer.recognize, cuts)
            except Exception as error:
                for answer in answers:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for answer, predictions in zip(answers, found, strict=True):
                if not answer.done():  # whoever asked may have gone
                    answer.set_result(predictions)
            if len(batch) > 1:
                await asyncio.sleep(GATHERING)

    def _take(self) -> list[tuple[Stream, Cut, asyncio.Future[list[Prediction]]]]:
        count = windows = 0
        while count < len(self._waiting) and windows < MOST:
            windows += len(self._waiting[count][1].times)
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)
