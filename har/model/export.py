"""The deployed model as an ONNX file, compared with PyTorch."""

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from har.errors import HarError
from har.model.deployed import DeployedModel
from har.model.runtime import INPUT, OUTPUTS, session
from har.signals.channels import BODY_ACC, BODY_GYRO, TOTAL_ACC

TOLERANCE = 1e-4
"""Largest difference from PyTorch's outputs that an export may have, beside a share as large."""

OPSET = 18

# The exporter lacks this one, which ONNX has.
torch.onnx.register_custom_op_symbolic(  # type: ignore[attr-defined]
    "aten::asinh", lambda graph, value: graph.op("Asinh", value), OPSET
)

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
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        file = Path(folder) / "model.onnx"
        # PyTorch's newer exporter (dynamo=True) gives the same, but takes five seconds for an LSTM.
        torch.onnx.export(
            deployed,
            (torch.from_numpy(made_up_windows(2, size)),),
            file,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_axes={name: {0: "batch"} for name in (INPUT, *OUTPUTS)},
            opset_version=OPSET,
            dynamo=False,
        )
        content = file.read_bytes()
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
