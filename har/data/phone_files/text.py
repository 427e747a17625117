"""Tables as bytes: encodings, line ends, separators, decimal commas, JSON; a block at a time."""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd

from har.errors import HarError

BLOCK = 1 << 19
"""Bytes that are read at once."""

LONGEST_LINE = 1 << 20
"""Characters; a longer line is left out, and its end not awaited."""

_NUMBER = r"(?:\d+\{0}\d*|\d*\{0}\d+)(?:[eE][+-]?\d+)?"
_MINUS = str.maketrans({"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-"})


def _by_windows(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("har.cp1252", _by_windows)


def decoded(blocks: Iterable[bytes]) -> Iterator[str]:
    """Text, as its bytes come: UTF-8, UTF-16, or Windows' cp1252 where it is neither.

    Lines end in a line feed, and minus signs are hyphens.
    """
    first, decoder = b"", None
    for block in chain(blocks, [None]):
        if decoder is None:
            first += block or b""
            if len(first) < 4 and block is not None:
                continue
            text = (decoder := _decoder(first)).decode(first)
        else:
            text = decoder.decode(block or b"", final=block is None)
        if text:
            yield text.translate(_MINUS)


def whole_lines(texts: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Text that ends where a line does, and how many lines were too long and left out of it."""
    pending, skipping = "", False
    for text in chain(texts, [None]):
        too_long = 0
        new = text or ""
        if skipping:
            _, end, new = new.partition("\n")
            skipping = not end
        new = pending + new
        end_of_lines = len(new) if text is None else new.rfind("\n") + 1
        lines, pending = new[:end_of_lines], new[end_of_lines:]
        if len(pending) > LONGEST_LINE:
            pending, skipping = "", True
            too_long += 1
        if len(lines) > LONGEST_LINE:
            each = lines.splitlines(keepends=True)
            kept = [line for line in each if len(line) <= LONGEST_LINE]
            too_long += len(each) - len(kept)
            lines = "".join(kept)
        if lines or too_long:
            yield lines, too_long


def _decoder(first: bytes) -> io.IncrementalNewlineDecoder:
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif len(first) >= 4 and first[1] == first[3] == 0 != first[0]:
        encoding = "utf-16-le"
    elif len(first) >= 4 and first[0] == first[2] == 0 != first[1]:
        encoding = "utf-16-be"
    else:
        encoding = "utf-8-sig"
    errors = "har.cp1252" if encoding == "utf-8-sig" else "replace"
    return io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder(encoding)(errors), translate=True
    )


@dataclass(frozen=True)
class Dialect:
    """How rows are divided into cells.

    Attributes:
        separator: Between cells; a blank stands for any number of them.
        width: Cells a row.
        decimal: The decimal point.
        thousands: What divides a number's thousands, or empty.
    """

    separator: str
    width: int
    decimal: str = "."
    thousands: str = ""


def divided(line: str, separator: str) -> list[str]:
    """A line's cells."""
    if separator == " ":
        line = " ".join(line.split())
    try:
        cells = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []
    return [cell.strip().strip("'\"").strip() for cell in cells]


def dialect_of(lines: Sequence[str], separator: str, width: int) -> Dialect:
    """How rows are written, judged by all of these.

    Args:
        lines: Rows of numbers, those under the headings.
        separator: Between cells.
        width: Headings.

    Raises:
        HarError: Commas divide cells and are decimal commas too.
    """
    rows = [divided(line, separator) for line in lines]
    widths = [len(row) for row in rows if any(row)]
    usual = int(np.median(widths)) if widths else width
    cells = "\n".join(cell for row in rows for cell in row)

    def found(form: str) -> int:
        return len(re.findall(rf"^[+-]?{form}$", cells, re.MULTILINE))

    points, commas = (found(_NUMBER.format(mark)) for mark in ".,")
    if separator == "," and usual > width + 1 and not points:
        raise HarError(
            f"rows have {usual} cells under {width} headings: commas seem to be decimal commas and "
            "to divide cells too; export it with semicolons, or with decimal points"
        )
    decimal, other = (",", ".") if commas > points else (".", ",")
    # A single group may be a number with three decimals.
    once, group = rf"\d{{1,3}}(?:\{other}\d{{3}})", rf"(?:\{other}\d{{3}}|\{decimal}\d*$)"
    thousands = other in cells and found(rf"{once}{group}+") > 0
    return Dialect(separator, max(width, usual), decimal, other if thousands else "")


def cells(lines: Iterable[str], dialect: Dialect, columns: Iterable[int]) -> pd.DataFrame:
    """Some columns of rows; rows of too many cells are left out, short ones filled up.

    Raises:
        HarError: It is not a table.
    """
    # A quotation mark that strayed in would swallow rows. Loggers end rows in separators too.
    text = "\n".join(
        (line.replace('"', "") if line.count('"') % 2 else line).rstrip(",;|\t ") for line in lines
    )
    text = text.replace("\0", "")
    blank = dialect.separator == " "
    # pandas takes the first line's number of cells for that of all.
    first = " ".join("0" * dialect.width) if blank else dialect.separator * (dialect.width - 1)
    try:
        table = pd.read_csv(
            io.StringIO(f"{first}\n{text}"),
            sep=r"\s+" if blank else dialect.separator,
            decimal=dialect.decimal,
            thousands=dialect.thousands or None,
            names=list(range(dialect.width)),
            header=None,
            index_col=False,
            usecols=sorted(set(columns)),
            skipinitialspace=True,
            on_bad_lines="skip",
            low_memory=False,
        )
    except (ValueError, OverflowError) as error:  # pandas' ParserError is a ValueError
        raise HarError(f"not a table of numbers ({' '.join(str(error).split()):.100})") from None
    return table.iloc[1:]


def numbers(column: pd.Series, dialect: Dialect) -> np.ndarray:
    """Cells as float64, NaN where they are no number."""
    if not pd.api.types.is_numeric_dtype(column):
        # Where a single cell is no number, pandas leaves all of the column as it is.
        spelt = column.astype("str").str.strip(" '")  # ' is a spreadsheet's mark of text
        if dialect.thousands:
            spelt = spelt.str.replace(dialect.thousands, "", regex=False)
        if dialect.decimal == ",":
            spelt = spelt.str.replace(",", ".", regex=False)
        column = pd.to_numeric(spelt, errors="coerce")
    return column.to_numpy(float, na_value=np.nan)


def records(texts: Iterable[str]) -> Iterator[list[dict[str, object]]]:
    """The objects of a JSON array, or of one a line, as their text comes.

    Raises:
        HarError: It is not that.
    """
    pending = ""
    for text in chain(texts, [None]):
        pending += text or ""
        ends = [match.start() + 1 for match in re.finditer(r"\}\s*,?\s*(?=\{)", pending)]
        end = len(pending) if text is None else (ends[-1] if ends else 0)
        part, pending = pending[:end].strip(" \n[],"), pending[end:]
        try:
            found = json.loads("[" + re.sub(r"\}\s*(?=\{)", "},", part) + "]")
        except (ValueError, RecursionError):
            found = None
        if found is None or len(pending) > LONGEST_LINE:
            raise HarError("is not JSON of one object a row")
        yield [each for each in found if isinstance(each, dict)]
