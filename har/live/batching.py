"""Windows of all streams that are due, recognised together."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from har.recognition.recognizer import Prediction, Recognizer, Stream, WindowBatch

MOST = 256
"""Windows in one run of the model, about: what comes meanwhile waits for the next."""

GATHERING = 0.02
"""Seconds to wait for more windows, where several came in the time of one call."""


Waiting = tuple[Stream, WindowBatch, asyncio.Future[list[Prediction]]]


class Batcher:
    """Collects windows while the model is at work, and gives it all of them next.

    The model has a thread of its own, so that the event loop stays free. A window that comes
    alone is recognised at once. Where many streams bring theirs, a run of the model for each
    takes several times as long as one for all, so it waits a moment and takes what has come.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self._waiting: list[Waiting] = []
        self._thread = ThreadPoolExecutor(1, "model")
        self._running: asyncio.Task[None] | None = None

    async def recognize(self, stream: Stream, batch: WindowBatch) -> list[Prediction]:
        """As `Recognizer.recognize` for one stream, whose next batch waits for this answer."""
        answer: asyncio.Future[list[Prediction]] = asyncio.get_running_loop().create_future()
        self._waiting.append((stream, batch, answer))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            taken = self._take()
            batches = [(stream, batch) for stream, batch, _ in taken]
            answers = [answer for _, _, answer in taken]
            try:
                found = await loop.run_in_executor(
                    self._thread, self._recognizer.recognize, batches
                )
            except Exception as error:
                for answer in answers:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for answer, predictions in zip(answers, found, strict=True):
                if not answer.done():  # whoever asked may have gone
                    answer.set_result(predictions)
            if len(taken) > 1:
                await asyncio.sleep(GATHERING)

    def _take(self) -> list[Waiting]:
        count = windows = 0
        while count < len(self._waiting) and windows < MOST:
            windows += len(self._waiting[count][1].times)
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)
