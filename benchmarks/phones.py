"""How many phones a server carries: `python -m benchmarks.phones --phones 1000 --workers 1 2`.

Each phone is a WebSocket that sends what the page sends of a phone at 50 Hz: a message of five
samples ten times a second, and is answered twice a second. The server is `python -m har live` with
the default network and fresh weights. All phones send the same recording, each from a moment of its
own on; their messages are made beforehand and their answers hardly looked at, so that the phones
take little of the cores that they share with the server.
"""

import argparse
import asyncio
import base64
import gc
import json
import os
import re
import struct
import time
from typing import Any

import numpy as np
import psutil

from benchmarks.live import percentiles, server, walk
from har.signals.recordings import SAMPLING_RATE

BATCH = 5
"""Samples in a message: the page sends every 100 ms."""

HOP = 25
"""Samples from one prediction to the next, the page's default."""

STEPS = 20
"""Moments in which phones send, in the time of a message; each phone has its own."""

FILLING = 5.0
"""Seconds before anything is counted: windows are filled, and what is used first is loaded."""

COLUMNS = {
    "phones": "{phones:,}",
    "workers": "{workers}",
    "answered": "{answered:.1%}",
    "connections lost": "{lost}",
    "delay p50, ms": "{p50:.0f}",
    "p99, ms": "{p99:.0f}",
    "cores": "{cores:.2f} ({by_process})",
    "memory, MB": "{memory:.0f}",
    "cores of the phones themselves": "{own_cores:.2f}",
    "late in sending, p99, ms": "{own_delay:.0f}",
}
"""Of the table, and what is in them."""

TIME = re.compile(rb'"time": ([0-9.]+)')


def frame(text: str) -> bytes:
    """A text message as a client sends it (RFC 6455, 5.2), with a mask that changes nothing."""
    content = text.ljust(126).encode()
    return struct.pack("!BBHI", 0x81, 0xFE, len(content), 0) + content


class Phone(asyncio.Protocol):
    """One of the phones.

    Args:
        host: Of the server, with its port.
        record: Whether it records a session.
    """

    def __init__(self, host: str, record: bool) -> None:
        self._host, self._record = host, record
        self._received = bytearray()
        self._upgraded = False
        self._transport: asyncio.Transport | None = None
        self.ready = asyncio.get_running_loop().create_future()
        self.lost = False
        self.sent: list[float] = []
        self.answered: list[tuple[int, float]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /live HTTP/1.1\r\nHost: {self._host}\r\nOrigin: http://{self._host}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Note when each prediction came."""
        self._received += data
        if not self._upgraded:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            self._upgraded = head.startswith(b"HTTP/1.1 101")
            self._received = rest
            units = {
                "acceleration_unit": "g",
                "angular_rate_unit": "rad/s",
                "rotation": [1, 0, 0, 0, 1, 0, 0, 0, 1],
            }
            self._write(json.dumps({"type": "hello", "hop": HOP, "smoothing": True, **units}))
        while len(self._received) > 3:
            kind, size, begin = self._received[0], self._received[1], 2
            if size == 126:
                size, begin = int.from_bytes(self._received[2:4], "big"), 4
            if len(self._received) < begin + size:
                return
            content = bytes(self._received[begin : begin + size])
            del self._received[: begin + size]
            self._take(kind, content)

    def _take(self, kind: int, content: bytes) -> None:
        if kind == 0x89:  # a ping
            mask = struct.pack("!BBI", 0x8A, 0x80 | len(content), 0)
            assert self._transport is not None
            self._transport.write(mask + content)
        elif content.startswith(b'{"type": "prediction"'):
            found = TIME.search(content)
            assert found is not None
            # The filter's median waits for one sample after the window's last.
            last = round(float(found[1]) * SAMPLING_RATE) + 1
            self.answered.append((last // BATCH, time.perf_counter()))
        elif content.startswith(b'{"type": "ready"'):
            if self._record:
                self._write(json.dumps({"type": "record"}))
            self.ready.set_result(None)

    def _write(self, text: str) -> None:
        assert self._transport is not None
        self._transport.write(frame(text))

    def connection_lost(self, _: Exception | None) -> None:
        """The server has ended it."""
        self.lost = True
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("the server took no more"))

    def send(self, message: bytes) -> None:
        """Send the next message."""
        assert self._transport is not None
        self.sent.append(time.perf_counter())
        self._transport.write(message)

    def close(self) -> None:
        """Leave."""
        if self._transport is not None:
            self._transport.abort()


class Usage:
    """What processes use.

    Args:
        processes: Which.
    """

    def __init__(self, *processes: psutil.Process) -> None:
        self._all = processes

    def seconds(self) -> list[float]:
        """CPU seconds so far, of each."""
        return [sum(each.cpu_times()[:2]) for each in self._all]

    def megabytes(self) -> float:
        """Of memory, what several share counted once."""
        return float(sum(each.memory_full_info().pss for each in self._all)) / 1e6


async def measured(phones: int, workers: int, seconds: float, recording: float) -> dict[str, Any]:
    """Serve phones, and see what it takes.

    Args:
        phones: How many.
        workers: Processes of the server.
        seconds: How long, after `FILLING`.
        recording: Share of the phones that record a session.
    """
    loop = asyncio.get_running_loop()
    data = walk(int((FILLING + seconds + 1) * SAMPLING_RATE))
    count = int((FILLING + seconds) * SAMPLING_RATE) // BATCH
    messages = []
    for number in range(count):
        part = slice(number * BATCH, (number + 1) * BATCH)
        times, acceleration, angular_rate = (each[part].tolist() for each in data)
        fields = {"times": times, "acceleration": acceleration, "angular_rate": angular_rate}
        messages.append(frame(json.dumps({"type": "samples", **fields})))
    options = ["--workers", str(workers), "--streams", str(phones)]
    async with server(options=options) as (address, process):
        host, _, port = address.partition(":")
        every: list[Phone] = []
        for number in range(phones):
            every.append(Phone(address, number < recording * phones))
            await loop.create_connection(lambda: every[-1], host, int(port))
            await asyncio.sleep(0.002)
        await asyncio.gather(*(phone.ready for phone in every))
        serving = psutil.Process(process.pid)
        usage, own = Usage(serving, *serving.children(recursive=True)), Usage(psutil.Process())
        gc.collect()
        gc.freeze()
        order = np.random.default_rng(0).permutation(phones)
        period = BATCH / SAMPLING_RATE
        start = time.perf_counter() + 1
        late: list[float] = []
        begin = count - round(seconds / period)
        before, own_before, began = usage.seconds(), own.seconds(), start
        for number, message in enumerate(messages):
            if number == begin:
                before, own_before, began = usage.seconds(), own.seconds(), time.perf_counter()
            for those in np.array_split(order, STEPS):
                due = start + len(late) / STEPS * period
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                late.append(time.perf_counter() - due)
                for index in those:
                    every[index].send(message)
        used = [b - a for a, b in zip(before, usage.seconds(), strict=True)]
        took = time.perf_counter() - began
        clients = sum(own.seconds()) - sum(own_before)
        memory = usage.megabytes()
        await asyncio.sleep(2)
        for phone in every:
            phone.close()
    delays = [
        came - phone.sent[number]
        for phone in every
        for number, came in phone.answered
        if number >= begin
    ]
    expected = phones * seconds * SAMPLING_RATE / HOP
    return {
        "phones": phones,
        "workers": workers,
        "lost": sum(phone.lost for phone in every),
        "answered": len(delays) / expected,
        **(percentiles(delays) if delays else {"p50": np.nan, "p99": np.nan}),
        "cores": sum(used) / took,
        "by_process": ", ".join(f"{each / took:.2f}" for each in used if each / took > 0.005),
        "memory": memory,
        "own_cores": clients / took,
        "own_delay": percentiles(late)["p99"],
    }


def main() -> None:
    """Measure, and print the table of docs/live.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phones", type=int, nargs="+", default=[1000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--recording", type=float, default=0.0, help="share that records")
    asked = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|", flush=True)
    for phones in asked.phones:
        for workers in asked.workers:
            found = asyncio.run(measured(phones, workers, asked.seconds, asked.recording))
            print(
                "| " + " | ".join(cell.format(**found) for cell in COLUMNS.values()) + " |",
                flush=True,
            )


if __name__ == "__main__":
    main()
