"""`python -m har export` and `browser`: the model for use outside Python."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # PyTorch takes seconds to import, and --help needs none of it
    import numpy as np

    from har.model.bundle import Description

BundleOption = Annotated[Path, typer.Option(help="Folder of the trained model.")]

WINDOWS = Path("data/normalized.npz")

RANDOM_WINDOWS = 256


def export(
    bundle: BundleOption = Path("models"),
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("build/onnx"),
) -> None:
    """Write the model as ONNX, compared with PyTorch, and what a recogniser needs around it."""
    from har.model import bundle as bundles
    from har.recognition.onnx_export import MODEL, RECOGNIZER
    from har.recognition.onnx_export import export as export_onnx

    loaded = bundles.load(bundle)
    windows, name = _windows(loaded.description)
    difference = export_onnx(loaded, out, windows)
    print(f"{out}: {MODEL}, {RECOGNIZER}; {_compared(difference, windows, name)}")


def browser(
    bundle: BundleOption = Path("models"),
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("build/browser"),
    recordings: Annotated[
        Path, typer.Option(help="Folder of recordings (CSV) to replay; need not exist.")
    ] = Path("data/recordings"),
) -> None:
    """Write the live page as static files that recognise in the browser, with no server's help."""
    from har.live.browser import assemble
    from har.model import bundle as bundles

    loaded = bundles.load(bundle)
    windows, name = _windows(loaded.description)
    difference = assemble(loaded, out, windows, recordings)
    print(f"{out}: the page; its network is {_compared(difference, windows, name)}")
    print(f"python -m http.server --bind 127.0.0.1 --directory {out} 8080")


def _windows(description: "Description") -> tuple["np.ndarray", str]:
    """Windows to compare on: the test subjects', if they are there and of the model's kind."""
    import numpy as np

    from har.data import windows

    if WINDOWS.exists():
        test = windows.load(WINDOWS)[0].of("test")
        of_its_kind = (
            test.dataset_digest == description.dataset_digest
            and test.channels.tolist() == description.channels
            and test.size == description.window_size
        )
        if of_its_kind and len(test):
            return test.signals, "test"
    shape = (RANDOM_WINDOWS, description.window_size, len(description.channels))
    return np.random.default_rng(0).normal(size=shape).astype(np.float32), "random"


def _compared(difference: float, windows: "np.ndarray", name: str) -> str:
    where = f"the logits of {len(windows)} {name} windows"
    return f"equal to PyTorch's within {difference:.1g} in {where}"
