"""A bundle in ONNX, with all else that a recogniser in another language needs.

`model.onnx` is the network: `windows`, float32 (batch, size, channels), scaled, to `logits`,
float32 (batch, activities). `recognizer.json` is what `har.recognition.recognizer` does
around it, in numbers; the recogniser in JavaScript, `har/live/static/recognizer.js`, has nothing
else.
"""

import hashlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.signal import sosfilt_zi

from har.data.windows import step_of
from har.errors import HarError
from har.files import replacing_file
from har.model.bundle import Bundle, Description
from har.model.hmm import SMALLEST
from har.model.novelty import STILLEST, has_gravity
from har.recognition import recognizer as recognition
from har.recognition.recognizer import Recognizer
from har.signals import resampling
from har.signals.channels import groups_of
from har.signals.filters import ArchiveFilter
from har.signals.sensors import ACCELERATION_UNITS, ANGULAR_RATE_UNITS, MOUNTINGS

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL, RECOGNIZER = "model.onnx", "recognizer.json"

TOLERANCE = 1e-4
"""Largest difference of a logit from PyTorch's that an export may have."""

BATCH = 256


def export(bundle: Bundle, folder: Path, windows: np.ndarray) -> float:
    """Write a bundle's `model.onnx` and `recognizer.json`: the same bytes every time.

    Args:
        bundle: The trained model.
        folder: Where to; made if it is not there.
        windows: Scaled windows, float32 (windows, size, channels), to compare on.

    Returns:
        The largest difference of a logit from PyTorch's on these windows.

    Raises:
        HarError: It is more than `TOLERANCE`; nothing is written then.
    """
    model = to_onnx(bundle)
    difference = float(np.abs(run(session(model), windows) - logits(bundle, windows)).max())
    if not difference <= TOLERANCE:
        raise HarError(
            f"the network in ONNX differs from PyTorch's by {difference:.2g} in a logit, more than "
            f"{TOLERANCE:g}: nothing was written"
        )
    description = describe(bundle) | {"model_sha256": hashlib.sha256(model).hexdigest()}
    with replacing_file(folder / MODEL) as partial:
        partial.write_bytes(model)
    with replacing_file(folder / RECOGNIZER) as partial:
        partial.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    return difference


def to_onnx(bundle: Bundle) -> bytes:
    """The network as an ONNX file's content; any number of windows at a time."""
    description = bundle.description
    example = torch.zeros(2, description.window_size, len(description.channels))
    with _quiet():
        program = torch.onnx.export(
            bundle.model.cpu().eval(),
            (example,),
            input_names=["windows"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            verbose=False,
        )
        assert program is not None  # which it is for the older exporter only
        proto = program.model_proto
    # Where in which file each step came from: of no use to who runs it.
    graph = proto.graph
    for each in (proto, graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        each.ClearField("metadata_props")
        each.ClearField("doc_string")
    for tensor in graph.initializer:
        tensor.ClearField("metadata_props")
    return proto.SerializeToString(deterministic=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter talks of PyTorch's own affairs, and cannot be asked not to."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def session(model: bytes, threads: int = 1) -> "InferenceSession":
    """ONNX Runtime, ready to run a network of `to_onnx` on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(session: "InferenceSession", windows: np.ndarray) -> np.ndarray:
    """Logits (windows, activities) of scaled windows, float32 (windows, size, channels)."""
    parts = [windows[i : i + BATCH] for i in range(0, len(windows), BATCH)]
    return np.concatenate([session.run(["logits"], {"windows": part})[0] for part in parts])


@torch.inference_mode()
def logits(bundle: Bundle, windows: np.ndarray) -> np.ndarray:
    """The same from PyTorch."""
    model = bundle.model.cpu().eval()
    return torch.cat([model(part) for part in torch.from_numpy(windows).split(BATCH)]).numpy()


def describe(bundle: Bundle) -> dict[str, Any]:
    """What `recognizer.json` says.

    - `activities`, `channels`, `units`, `sampling_rate`, `window_size`, `offset`, `scale`,
      `temperature`, `transitions`, `priors`, `weights_sha256`: as in the bundle
      (`har.model.bundle.Description`).
    - `description_sha256`: of all of that, to tell whether a bundle is the one that this is of.
    - `groups`: keys of `har.signals.channels.CHANNEL_GROUPS` that make the channels.
    - `step`: samples from window to window that `transitions` are about.
    - `transition_powers`: `transitions` to any power p is `right` times the diagonal of `values`
      to p times `left`, no entry below 0.
    - `smallest_probability`: floor of the evidence in smoothing.
    - `novelty`: as in the bundle, with the indices of the channels whose mean counts (`posture`)
      and of those whose standard deviation does (`movement`), and its floor (`stillest`).
    - `filters`: each one's second-order sections as SciPy has them, and their state after long at
      a level of one (`settled`).
    - `readings`: what one of each unit is in g and rad/s, and ways to wear the phone, as rotations.
    - `limits`, `reasons`, `problems`: what is refused, and the words for it.
    - `defaults`: `hop`, `threshold` and `gap` of `Recognizer`.

    Raises:
        HarError: The transitions have powers that cannot be written like this.
    """
    description = bundle.description
    recognizer = Recognizer(bundle)
    archive = ArchiveFilter()
    return {
        "format": 1,
        "description_sha256": digest_of(description),
        **description.model_dump(
            include={
                "activities",
                "channels",
                "units",
                "sampling_rate",
                "window_size",
                "offset",
                "scale",
                "temperature",
                "transitions",
                "priors",
                "weights_sha256",
            }
        ),
        "groups": groups_of(description.channels),
        "step": step_of(description.window_size, description.window_overlap),
        "transition_powers": _powers(np.array(description.transitions)),
        "smallest_probability": SMALLEST,
        "novelty": _novelty(description),
        "filters": {
            name: {
                "sections": each.sections.tolist(),
                "settled": sosfilt_zi(each.sections).tolist(),
            }
            for name, each in (
                ("noise", archive.noise),
                ("gravity", archive.gravity),
                ("drift", archive.drift),
            )
        },
        "readings": {
            "acceleration_units": ACCELERATION_UNITS,
            "angular_rate_units": ANGULAR_RATE_UNITS,
            "mountings": {name: matrix.tolist() for name, matrix in MOUNTINGS.items()},
        },
        "limits": {
            "acceleration": recognition.MAX_ACCELERATION,
            "angular_rate": recognition.MAX_ANGULAR_RATE,
            "time": recognition.MAX_TIME,
            "interval": recognition.MIN_INTERVAL,
            "same_time": resampling.SAME_TIME,
            "gravity": list(recognition.GRAVITY_RANGE),
            "turning": recognition.MAX_TURNING,
        },
        "reasons": {
            "not_finite": recognition.NOT_FINITE,
            "out_of_range": recognition.OUT_OF_RANGE,
            "not_later": recognition.NOT_LATER,
        },
        "problems": {
            "weak": recognition.TOO_WEAK,
            "strong": recognition.TOO_STRONG,
            "quick": recognition.TOO_QUICK,
        },
        "defaults": {
            "hop": recognizer.hop,
            "threshold": recognizer.threshold,
            "gap": recognizer.gap,
        },
    }


def digest_of(description: Description) -> str:
    """SHA-256 of a whole description, that of the weights included."""
    return hashlib.sha256(description.model_dump_json().encode()).hexdigest()


def _novelty(description: Description) -> dict[str, Any]:
    posture = has_gravity(description.channels)
    movement = posture if posture.all() else ~posture
    return description.novelty.model_dump() | {
        "posture": np.flatnonzero(posture).tolist(),
        "movement": np.flatnonzero(movement).tolist(),
        "stillest": STILLEST,
    }


def _powers(transitions: np.ndarray) -> dict[str, Any]:
    values, right = np.linalg.eig(transitions)
    # Chances of going on that differ, the others alike, make a matrix that is similar to a
    # symmetric one: its eigenvalues are real.
    if np.iscomplexobj(values) or np.linalg.cond(right) > 1e8:
        raise HarError("the bundle's transitions have no real powers: were they edited by hand?")
    return {
        "values": values.tolist(),
        "right": right.tolist(),
        "left": np.linalg.inv(right).tolist(),
    }
