"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from har.errors import HarError

if TYPE_CHECKING:  # it takes time to import, and --help does not need it
    import numpy as np

ModelOption = Annotated[
    Path,
    typer.Option(
        help="Folder of a trained model, such as the pipeline's models.",
        show_default="the released model",
    ),
]

FlipOption = Annotated[
    bool | None,
    typer.Option(
        "--flip/--no-flip",
        help="Invert the acceleration's signs: for apps on iPhones that show -1 g on z for a "
        "phone flat on a table. By default as the logger's headings or metadata say.",
        show_default=False,
    ),
]

RateOption = Annotated[
    float | None,
    typer.Option(
        help="Samples a second, for files without times; times in the file are ignored.",
        show_default=False,
    ),
]


def checked_rate(rate: float | None) -> float | None:
    """The samples a second of --rate.

    Raises:
        HarError: No recording has so few or so many.
    """
    if rate is not None and not 1 <= rate <= 10_000:
        raise HarError(f"--rate {rate:g}: should be 1 to 10000 samples a second")
    return rate


def rotation_of(mounting: str | None) -> "np.ndarray":
    """From the phone's axes to UCI HAR's, by --mounting.

    Raises:
        HarError: There is no such mounting.
    """
    from har.signals.sensors import MOUNTINGS

    mounting = "right-edge-up" if mounting is None else mounting  # turns nothing
    if mounting not in MOUNTINGS:
        raise HarError(f"--mounting {mounting}: should be one of {', '.join(MOUNTINGS)}")
    rotation: np.ndarray = MOUNTINGS[mounting]
    return rotation
