"""Run the notebooks anew, on what the pipeline made: `make notebooks`."""

import sys
import time
from pathlib import Path

from har.errors import HarError, in_one_line
from har.files import replacing_file

try:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
except ImportError as problem:
    sys.exit(f"error: {problem}: run `make extras` for what the notebooks need")

NOTEBOOKS = Path("notebooks")
TIMEOUT = 600
"""Seconds that a cell may take."""


def run(path: Path) -> None:
    """Run a notebook from top to bottom and keep what it shows; one that fails stays as it was.

    Raises:
        HarError: A cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise HarError(f"{path}: {error.ename}: {error.evalue}") from None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # What goes to standard error is for who runs it, not for who reads it.
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
    notebook.metadata["language_info"] = {"name": "python"}
    with replacing_file(path) as partial:
        nbformat.write(notebook, partial)


def main() -> None:
    """Run those that are named, or all."""
    paths = [Path(name) for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb"))
    for path in paths:
        if not path.is_file():
            raise HarError(f"{path} is not there")
        begun = time.monotonic()
        run(path)
        print(
            f"{path}: {time.monotonic() - begun:.0f} s, {path.stat().st_size:,} bytes", flush=True
        )


if __name__ == "__main__":
    with in_one_line():
        main()
