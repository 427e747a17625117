"""ONNX Runtime on a model's content, and how large its graph is."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

INPUT = "signals"
OUTPUTS = ("probabilities", "novelty", "features", "problem", "reading")

MAX_GRAPH = 1 << 17
"""Bytes of a model less its weights, at most; the released one has 23 KB.

ONNX Runtime takes minutes to load a graph of 1 MB.
"""


def session(model: bytes) -> "InferenceSession":
    """ONNX Runtime, ready to run a model on one thread of the CPU.

    The windows of a stream come a few at a time: more threads would wait for each other.

    Raises:
        ValueError: The model cannot be loaded, or has a graph that would take minutes.
    """
    import onnxruntime

    if (size := _graph_size(model)) > MAX_GRAPH:
        raise ValueError(f"{size:,} bytes beside the weights, at most {MAX_GRAPH:,} go")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what is wrong with a model is raised, not logged too
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of classes of its own, under `Exception`
        raise ValueError(str(error)) from None


def _graph_size(model: bytes) -> int:
    """Bytes of an ONNX model less its weights: `ModelProto.graph` without `initializer`.

    https://protobuf.dev/programming-guides/encoding, https://github.com/onnx/onnx (`onnx.proto`)
    """
    graph, initializer = 7, 5
    graphs = [content for number, content in _fields(memoryview(model)) if number == graph]
    weights = [
        len(content)
        for each in graphs
        for number, content in _fields(each)
        if number == initializer
    ]
    return len(model) - sum(weights)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of a protobuf message's fields of any length."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while at < len(message) and shift < 64:
            byte = message[at]
            value |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return value
        raise ValueError("no ONNX model")

    while at < len(message):
        key = number()
        match key & 7:
            case 0:
                number()
            case 1:
                at += 8
            case 2:
                length = number()
                yield key >> 3, message[at : at + length]
                at += length
            case 5:
                at += 4
            case _:
                raise ValueError("no ONNX model")
