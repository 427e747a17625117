"""The deployed model as an ONNX file, compared with PyTorch."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import numpy as np
import torch

from har.errors import HarError
from har.model.bundle import INPUT, OUTPUTS, session
from har.model.deployed import DeployedModel
from har.signals.channels import BODY_ACC, BODY_GYRO, TOTAL_ACC

TOLERANCE = 1e-4
"""Largest difference from PyTorch's outputs that an export may have, beside a share as large."""

COMPARED = 128
"""Windows that an export is compared on."""


def to_onnx(deployed: DeployedModel, size: int) -> bytes:
    """The content of an ONNX file: the same bytes every time, for any number of windows at a time.

    Args:
        deployed: The model.
        size: Samples a window.

    Raises:
        HarError: ONNX Runtime's outputs differ from PyTorch's by more than `TOLERANCE`.
    """
    deployed = deployed.cpu().eval()
    with _quiet():
        program = torch.onnx.export(
            deployed,
            (torch.from_numpy(made_up_windows(2, size)),),
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            verbose=False,
        )
        assert program is not None  # which it is for the older exporter only
        proto = program.model_proto
    # Where in which file each operation came from: of no use to who runs it.
    graph = proto.graph
    for each in (proto, graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        each.ClearField("metadata_props")
        each.ClearField("doc_string")
    for tensor in graph.initializer:
        tensor.ClearField("metadata_props")
    content: bytes = proto.SerializeToString(deterministic=True)
    _compare(deployed, content, made_up_windows(COMPARED, size))
    return content


def made_up_windows(count: int, size: int) -> np.ndarray:
    """Windows as a phone could measure them, from at rest to shaken: float32 (count, size, 9)."""
    rng = np.random.default_rng(0)
    movement = rng.normal(size=(count, size, 9)) * np.geomspace(1e-3, 2, count)[:, None, None]
    up = rng.normal(size=(count, 1, 3))
    signals = np.zeros((count, size, 9))
    signals[..., BODY_ACC] = movement[..., BODY_ACC]
    signals[..., BODY_GYRO] = 2 * movement[..., BODY_GYRO]
    signals[..., TOTAL_ACC] = movement[..., BODY_ACC] + up / np.linalg.norm(up, axis=2)[..., None]
    return signals.astype(np.float32)


def _compare(deployed: DeployedModel, content: bytes, signals: np.ndarray) -> None:
    with torch.inference_mode():
        expected = deployed(torch.from_numpy(signals))
    found = session(content).run(list(OUTPUTS), {INPUT: signals})
    for name, ours, theirs in zip(OUTPUTS, found, expected, strict=True):
        given = theirs.numpy()
        if not np.allclose(ours, given, rtol=TOLERANCE, atol=TOLERANCE):
            difference = float(np.abs(ours - given).max())
            raise HarError(
                f"{name} of the model in ONNX differs from PyTorch's by {difference:.2g}: "
                "it is not exported"
            )


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
