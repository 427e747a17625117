"""How quickly live recognition answers, and how many it serves; called by benchmarks/speed.py.

The network is the default one with fresh weights: its speed does not depend on what it learnt.
"""

import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from har.data.windows import Windows
from har.learning.networks import build
from har.learning.weights import record_of
from har.model import bundle as bundles
from har.model.bundle import Bundle
from har.model.packaging import package
from har.params import Params
from har.recognition.recognizer import Recognizer, Stream, WindowBatch
from har.signals.channels import channel_names
from har.signals.recordings import SAMPLING_RATE, UCI_HAR_ACTIVITIES
from har.signals.scaling import fit_scaling


class Unmeasured(Exception):
    """Why a measurement cannot be made here."""


WINDOWS = 10_000
STREAMS = 500
HOP = 50
MESSAGES_A_SECOND = 5
"""How often a phone sends what it has measured since the last time."""

SECONDS = 25
"""Length of the test with many streams: 500 windows each second, the first 5 to fill windows."""


@cache
def untrained() -> Bundle:
    """A bundle of the default settings, with fresh weights."""
    params = Params()
    names = channel_names(params.windowing.channels)
    rng = np.random.default_rng(0)
    label, subject = np.arange(240) % len(UCI_HAR_ACTIVITIES), np.repeat([1, 2], 120)
    windows = Windows(
        signals=rng.normal(size=(240, params.windowing.size, len(names))).astype(np.float32),
        label=label,
        subject=subject,
        bout=label,
        start=label,
        split=np.full(240, "train"),
        channels=np.array(names),
        overlap=params.windowing.overlap,
        dataset=np.full(240, "noise"),
        placement=np.full(240, ""),
        device=np.full(240, ""),
        activities=np.array(UCI_HAR_ACTIVITIES),
        dataset_digest="",
    )
    torch.manual_seed(0)
    network = build(params.model, len(names), len(UCI_HAR_ACTIVITIES)).eval()
    record = record_of(network, windows, fit_scaling(windows.signals, "none"), params, 0)
    return package(network, record, windows, params.calibration.temperature)


def walk(samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, acceleration in g and angular rate in rad/s of something like walking at 50 Hz."""
    rng = np.random.default_rng(0)
    times = np.arange(samples) / SAMPLING_RATE
    swing = np.sin(2 * np.pi * 1.9 * times)[:, None]
    acceleration = [1.0, 0, 0] + swing * [0.3, 0.2, 0.1] + rng.normal(0, 0.05, (samples, 3))
    return times, acceleration, swing * [0.5, 0.4, 0.3] + rng.normal(0, 0.1, (samples, 3))


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Median and 99th percentile in ms."""
    middle, slowest = np.percentile(seconds, [50, 99]) * 1000
    return {"p50": round(float(middle), 3), "p99": round(float(slowest), 3)}


def latency() -> dict[str, Any]:
    """From the last sample of a window to its prediction, sample by sample, on one thread."""
    torch.set_num_threads(1)
    recognizer = Recognizer(untrained(), hop=1)
    stream = recognizer.stream()
    size = recognizer.description.window_size
    times, acceleration, angular_rate = walk(WINDOWS + size)
    taken = []
    for at in range(len(times)):
        part = slice(at, at + 1)
        begin = time.perf_counter()
        if recognizer.push(stream, times[part], acceleration[part], angular_rate[part]):
            taken.append(time.perf_counter() - begin)
    found = percentiles(taken)
    return {"value": found["p99"], **found, "windows": len(taken)}


def many_streams() -> dict[str, Any]:
    """Streams at 50 Hz in real time, in one thread: how late predictions are.

    Each stream brings ten samples five times a second, at moments of its own, and keeps them until
    its next window is due. All windows that are due are recognised together, again and again. A
    prediction's delay is counted from the moment at which the window's last sample came.
    """
    torch.set_num_threads(1)
    recognizer = Recognizer(untrained(), hop=HOP)
    streams = [recognizer.stream() for _ in range(STREAMS)]
    taken_up = [0] * STREAMS
    count = int(SAMPLING_RATE) // MESSAGES_A_SECOND
    times, acceleration, angular_rate = walk((SECONDS + 1) * int(SAMPLING_RATE))
    phases = np.random.default_rng(0).uniform(0, HOP / SAMPLING_RATE, STREAMS)
    arrivals = sorted(
        (phase + number / MESSAGES_A_SECOND, stream, (number + 1) * count)
        for number in range(SECONDS * MESSAGES_A_SECOND)
        for stream, phase in enumerate(phases)
    )
    delays: list[float] = []
    at = 0
    busy = time.process_time()
    start = time.perf_counter()
    while at < len(arrivals):
        now = time.perf_counter() - start
        if arrivals[at][0] > now:
            time.sleep(arrivals[at][0] - now)
            continue
        batches: list[tuple[Stream, WindowBatch]] = []
        moments = []
        while at < len(arrivals) and arrivals[at][0] <= now:
            moment, which, upto = arrivals[at]
            at += 1
            stream, part = streams[which], slice(taken_up[which], upto)
            if times[upto - 1] < stream.due:
                continue
            taken_up[which] = upto
            batch = stream.push(times[part], acceleration[part], angular_rate[part])
            if len(batch.times):
                batches.append((stream, batch))
                moments.append(moment)
        if batches:
            recognizer.recognize(batches)
            done = time.perf_counter() - start
            delays += [done - moment for moment in moments]
    busy = (time.process_time() - busy) / SECONDS
    found = percentiles(delays)
    return {"value": found["p99"], **found, "windows": len(delays), "busy": round(busy, 2)}


def memory_per_stream() -> dict[str, Any]:
    """What a stream holds after a minute, by Python's own account."""
    import tracemalloc

    torch.set_num_threads(1)
    recognizer = Recognizer(untrained(), hop=HOP)
    minute = walk(60 * int(SAMPLING_RATE))
    _run_all(
        recognizer, minute, [recognizer.stream()]
    )  # what all share is made before it is counted
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    streams = [recognizer.stream() for _ in range(100)]
    _run_all(recognizer, minute, streams)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return {"value": round((after - before) / len(streams) / 1000, 1), "streams": len(streams)}


def _run_all(
    recognizer: Recognizer, recording: tuple[np.ndarray, ...], streams: list[Stream]
) -> None:
    times, acceleration, angular_rate = recording
    for at in range(0, len(times), 10):
        part = slice(at, at + 10)
        batches = [
            (stream, stream.push(times[part], acceleration[part], angular_rate[part]))
            for stream in streams
        ]
        recognizer.recognize(batches)


def through_websocket() -> dict[str, Any]:
    """From a window's last sample, sent, to its prediction, received; one client."""
    return asyncio.run(_one_client())


async def _one_client() -> dict[str, Any]:
    hop, size = 10, untrained().description.window_size
    delays: list[float] = []
    recording = walk((WINDOWS + 20) * hop)
    async with server() as (address, _), _client(address, hop) as client:
        for at in range(0, len(recording[0]), hop):
            begin = time.perf_counter()
            await client.send(_message(recording, at, at + hop))
            if at + hop > size:  # the filter's median waits for one sample after the window's
                await _next_prediction(client)
                delays.append(time.perf_counter() - begin)
            await asyncio.sleep(max(0.0, 1 / 150 - (time.perf_counter() - begin)))
    found = percentiles(delays)
    return {"value": found["p99"], **found, "windows": len(delays)}


def served_streams() -> dict[str, Any]:
    """As `many_streams`, through the server: it has one core, its clients have the other."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise Unmeasured("the machine has one core")
    os.sched_setaffinity(0, cores[1:])
    try:
        return asyncio.run(_many_clients(cores[0]))
    finally:
        os.sched_setaffinity(0, cores)


async def _many_clients(core: int) -> dict[str, Any]:
    count = int(SAMPLING_RATE) // MESSAGES_A_SECOND
    recording = walk((SECONDS + 1) * int(SAMPLING_RATE))
    numbers = range(SECONDS * MESSAGES_A_SECOND)
    # All send the same: what is timed is the server.
    messages = [_message(recording, each * count, (each + 1) * count) for each in numbers]
    phases = np.random.default_rng(0).uniform(0, HOP / SAMPLING_RATE, STREAMS)
    delays: list[float] = []

    async def live(address: str, phase: float, start: float) -> None:
        sent: list[float] = []

        async def listen(client: ClientConnection) -> None:
            async for text in client:
                answer = json.loads(text)
                if answer["type"] == "prediction":
                    # The filter's median waits for one sample after the window's last.
                    last = round(answer["time"] * SAMPLING_RATE) + 1
                    delays.append(time.perf_counter() - sent[last // count])

        async with _client(address, HOP) as client:
            listening = asyncio.create_task(listen(client))
            for number in numbers:
                due = start + phase + number / MESSAGES_A_SECOND
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                sent.append(time.perf_counter())
                await client.send(messages[number])
            # All stay until the last has its answers.
            await asyncio.sleep(start + SECONDS + 3 - time.perf_counter())
            listening.cancel()

    gc.collect()
    gc.freeze()  # the clients' own pauses are not the server's
    async with server(core) as (address, _):
        start = time.perf_counter() + 5  # until all are connected
        await asyncio.gather(*(live(address, float(phase), start) for phase in phases))
    found = percentiles(delays)
    return {"value": found["p99"], **found, "windows": len(delays)}


@asynccontextmanager
async def server(
    core: int | None = None, options: Sequence[str] = ()
) -> AsyncIterator[tuple[str, subprocess.Popen[bytes]]]:
    """`python -m har live` in a process of its own; yields host and port, and the process."""
    with tempfile.TemporaryDirectory() as folder:
        bundles.save(Path(folder) / "models", untrained())
        command = [sys.executable, "-m", "har", "live", "--port", "0", *options]
        for name in ("model", "recordings", "sessions"):
            place = "models" if name == "model" else name
            command += [f"--{name}", str(Path(folder) / place)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            if core is not None:
                os.sched_setaffinity(process.pid, [core])
            assert process.stdout is not None
            try:
                line = await asyncio.to_thread(process.stdout.readline)
                yield line.split()[0].decode().partition("://")[2], process
            finally:
                process.terminate()


@asynccontextmanager
async def _client(address: str, hop: int) -> AsyncIterator[ClientConnection]:
    async with connect(f"ws://{address}/live", origin=Origin(f"http://{address}")) as client:
        units = {"acceleration_unit": "g", "angular_rate_unit": "rad/s"}
        await client.send(json.dumps({"type": "hello", "hop": hop, **units}))
        assert json.loads(await client.recv())["type"] == "ready"
        yield client


def _message(recording: tuple[np.ndarray, ...], begin: int, end: int) -> str:
    times, acceleration, angular_rate = (each[begin:end].tolist() for each in recording)
    return json.dumps(
        {
            "type": "samples",
            "times": times,
            "acceleration": acceleration,
            "angular_rate": angular_rate,
        }
    )


async def _next_prediction(client: ClientConnection) -> None:
    while json.loads(await client.recv())["type"] != "prediction":
        pass
