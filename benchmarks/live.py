"""How quickly live recognition answers, and how many it serves; called by benchmarks/speed.py.

The network is the default one with fresh weights: its speed does not depend on what it learnt.
"""

import gc
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch

from har.bundle import Bundle, Description
from har.models import build
from har.novelty import CENTRES, Novelty
from har.params import Params
from har.recognizer import Cut, Recognizer, Stream
from har.recordings import ACTIVITIES, SAMPLING_RATE
from har.signals import channel_names, channel_units

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
    torch.manual_seed(0)
    model = build(params.model, len(names), len(ACTIVITIES)).eval()
    classes, parts = len(ACTIVITIES), 9
    centres = np.random.default_rng(0).normal(size=(CENTRES, parts))
    return Bundle(
        model,
        Description(
            model=params.model.name,
            architecture=model.settings,
            activities=list(ACTIVITIES),
            channels=list(names),
            units=[channel_units()[name] for name in names],
            sampling_rate=SAMPLING_RATE,
            window_size=params.windowing.size,
            window_overlap=params.windowing.overlap,
            offset=[0.0] * len(names),
            scale=[1.0] * len(names),
            dataset="none",
            dataset_digest="",
            train_subjects=[],
            transitions=(np.full((classes, classes), 0.02) + 0.88 * np.eye(classes)).tolist(),
            priors=[1 / classes] * classes,
            temperature=params.calibration.temperature,
            novelty=Novelty(scale=[1.0] * parts, centres=centres.tolist(), limit=100.0),
            kept_epoch=1,
            settings={},
        ),
    )


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
        if recognizer.step(stream, times[part], acceleration[part], angular_rate[part]):
            taken.append(time.perf_counter() - begin)
    found = percentiles(taken)
    return {"value": found["p99"], **found, "windows": len(taken)}


def against_bare() -> dict[str, Any]:
    """A prediction against the network alone, in PyTorch and in onnxruntime; in turns."""
    from har import onnx_export

    torch.set_num_threads(1)
    bundle = untrained()
    session = onnx_export.session(onnx_export.to_onnx(bundle))
    recognizer = Recognizer(bundle, hop=1)
    stream = recognizer.stream()
    size, channels = bundle.description.window_size, len(bundle.description.channels)
    times, acceleration, angular_rate = walk(WINDOWS + size)
    window = np.random.default_rng(0).normal(size=(1, size, channels)).astype(np.float32)
    tensor = torch.from_numpy(window)

    def recognize(at: int) -> None:
        part = slice(at, at + 1)
        recognizer.step(stream, times[part], acceleration[part], angular_rate[part])

    @torch.inference_mode()
    def network(_: int) -> None:
        bundle.model(tensor)

    def onnx(_: int) -> None:
        onnx_export.run(session, window)

    for at in range(size):
        recognize(at)
    ways: dict[str, Callable[[int], None]] = {
        "recognizer": recognize,
        "pytorch": network,
        "onnxruntime": onnx,
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for at in range(size, size + WINDOWS):
        for name, way in ways.items():
            begin = time.perf_counter()
            way(at)
            taken[name].append(time.perf_counter() - begin)
    middle = {name: float(np.median(its)) for name, its in taken.items()}
    return {
        "value": round(middle["recognizer"] / middle["pytorch"], 2),
        "value_to_onnxruntime": round(middle["recognizer"] / middle["onnxruntime"], 2),
        "ms": {name: round(1000 * its, 3) for name, its in middle.items()},
    }


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
    phases = np.random.default_rng(0).uniform(0, 1 / MESSAGES_A_SECOND, STREAMS)
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
        cuts: list[tuple[Stream, Cut]] = []
        moments = []
        while at < len(arrivals) and arrivals[at][0] <= now:
            moment, which, upto = arrivals[at]
            at += 1
            stream, part = streams[which], slice(taken_up[which], upto)
            if times[upto - 1] < stream.due:
                continue
            taken_up[which] = upto
            cut = stream.step(times[part], acceleration[part], angular_rate[part])
            if len(cut.times):
                cuts.append((stream, cut))
                moments.append(moment)
        if cuts:
            recognizer.recognize(cuts)
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
        cuts = [
            (stream, stream.step(times[part], acceleration[part], angular_rate[part]))
            for stream in streams
        ]
        recognizer.recognize(cuts)
