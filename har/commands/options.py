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


def rotation_of(mounting: str | None) -> "np.ndarray":
    """From the phone's axes to UCI HAR's, by --mounting.

    Raises:
        HarError: There is no such mounting.
    """
    from har.signals.sensors import MOUNTINGS

    mounting = mounting or "right-edge-up"  # turns nothing
    if mounting not in MOUNTINGS:
        raise HarError(f"--mounting {mounting}: should be one of {', '.join(MOUNTINGS)}")
    rotation: np.ndarray = MOUNTINGS[mounting]
    return rotation
