"""`har browser`: the live page as static files."""

from pathlib import Path
from typing import Annotated

import typer

from har.commands.options import ModelOption
from har.model.bundle import RELEASED, load


def browser(
    model: ModelOption = RELEASED,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("build/browser"),
    recordings: Annotated[
        Path, typer.Option(help="Folder of recordings (CSV) to replay; need not exist.")
    ] = Path("data/recordings"),
) -> None:
    """Write the live page as static files that recognise in the browser, without a server."""
    from har.live.browser import assemble

    assemble(load(model), out, recordings)
    print(f"{out}: the page, for any static server:")
    print(f"python -m http.server --bind 127.0.0.1 --directory {out} 8080")
