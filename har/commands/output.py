"""What commands say, and tables of predictions: CSV as they come, JSON lines, or Parquet."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from har.errors import HarError

if TYPE_CHECKING:  # it takes seconds to import, and --help needs it not
    from har.recognition.recognizer import Prediction, Recognizer

ENDINGS = ("", ".csv", ".jsonl", ".parquet")


def readable(text: str) -> str:
    """A text, such as a file's name, without bytes that are none."""
    return os.fsencode(text).decode("utf-8", "replace")


def say(text: str) -> None:
    """Write a line to standard error."""
    print(readable(text), file=sys.stderr)


class Table:
    """Predictions as rows, flushed after each block for programs that read along.

    Args:
        output: Where to.
        recognizer: Whose predictions they are.
        ending: One of `ENDINGS`.
        names: Whether a first column names the recording.
    """

    def __init__(self, output: IO[Any], recognizer: "Recognizer", ending: str, names: bool) -> None:
        self._output, self._ending, self._names = output, ending, names
        first = ["recording"] if names else []
        columns = ("time_s", "activity", "probability", "known", "novelty")
        self._profile = recognizer.profile is not None
        last = ["profile"] if self._profile else []
        self._headings = [*first, *columns, *recognizer.activities, *last]
        self._rows: list[tuple[Any, ...]] = []  # of Parquet, which is written at once
        self._headed = False

    def write(self, predictions: "list[Prediction]", name: str) -> None:
        """Write rows; the headings come with the first."""
        rows = [
            (
                *((name,) if self._names else ()),
                round(each.time, 3),
                each.activity,
                round(each.probability, 6),
                bool(each.known),
                round(each.novelty, 3),
                *(round(float(share), 6) for share in each.probabilities),
                *((each.profile,) if self._profile else ()),
            )
            for each in predictions
        ]
        if self._ending == ".parquet":
            self._rows += rows
        elif self._ending == ".jsonl":
            for row in rows:
                self._output.write(json.dumps(dict(zip(self._headings, row, strict=True))) + "\n")
        elif rows:
            self._write_csv(rows)
        self._output.flush()

    def _write_csv(self, rows: list[tuple[Any, ...]]) -> None:
        if not self._headed:
            self._output.write(",".join(self._headings) + "\n")
            self._headed = True
        decimals = {"time_s": 3, "novelty": 3}
        for row in rows:
            cells = []
            for heading, cell in zip(self._headings, row, strict=True):
                if isinstance(cell, bool):
                    cells.append("true" if cell else "false")
                elif isinstance(cell, float):
                    cells.append(f"{cell:.{decimals.get(heading, 6)}f}")
                elif heading == "recording":
                    cells.append('"' + cell.replace('"', '""') + '"')
                else:
                    cells.append(cell)
            self._output.write(",".join(cells) + "\n")

    def finish(self) -> None:
        """Write what had to wait."""
        if self._ending == ".parquet":
            import pandas as pd

            frame = pd.DataFrame(self._rows, columns=self._headings)
            frame.to_parquet(self._output, engine="pyarrow", index=False)


def check_ending(out: Path) -> None:
    """Raise HarError if there is no table of this ending."""
    if out.suffix.lower() not in ENDINGS:
        raise HarError(f"--out {out}: should end in .csv, .jsonl or .parquet")
    if out.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise HarError(
            f"--out {out}: Parquet needs pyarrow (pip install pyarrow); .csv and .jsonl do not"
        )


@contextmanager
def table(out: Path | None, recognizer: "Recognizer", names: bool) -> Iterator[Table]:
    """The table: written whole to `out`, or to standard output until its reader stops."""
    from har.files import replacing_file

    if out is not None:
        ending = out.suffix.lower()
        mode, encoding = ("wb", None) if ending == ".parquet" else ("w", "utf-8")
        with replacing_file(out) as partial, partial.open(mode, encoding=encoding) as output:
            made = Table(output, recognizer, ending, names)
            yield made
            made.finish()
        return
    try:
        yield Table(sys.stdout, recognizer, "", names)
    except BrokenPipeError:
        # Else Python would try again on the way out, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
