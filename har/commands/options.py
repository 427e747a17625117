"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

ModelOption = Annotated[
    Path,
    typer.Option(
        help="Folder of a trained model, such as the pipeline's models.",
        show_default="the released model",
    ),
]
