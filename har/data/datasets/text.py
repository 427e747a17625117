"""Tables of numbers as published: plain text, a row a line."""

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import DTypeLike

from har.errors import HarError


def read_numbers(
    path: Path,
    columns: int,
    dtype: DTypeLike,
    delimiter: str = r"\s+",
    headings: Sequence[str] = (),
) -> np.ndarray:
    """The numbers of a text file.

    Args:
        path: The file.
        columns: Numbers in each row.
        dtype: Of the array.
        delimiter: What stands between the numbers, a regular expression; white space by default.
        headings: What the first line holds, if not numbers.

    Returns:
        (rows, columns).

    Raises:
        HarError: The file is missing, or does not hold rows of so many finite numbers below these
            headings.
    """
    with opened(path) as file:
        if headings and file.readline().strip() != delimiter.join(headings):
            raise HarError(f"{path} has not the headings that were published")
        return numbers_in(file, path, columns, dtype, delimiter)


def opened(path: Path) -> TextIO:
    """A published file, open for reading.

    Raises:
        HarError: It is missing.
    """
    try:
        return path.open(encoding="ascii", errors="replace")
    except OSError:
        raise HarError(f"{path} is missing: unpack the data set again") from None


def numbers_in(
    text: TextIO, path: Path, columns: int, dtype: DTypeLike, delimiter: str = r"\s+"
) -> np.ndarray:
    """The numbers of what is left of an open text, which comes from `path`; as `read_numbers`."""
    import pandas as pd  # parses three times as fast as NumPy

    try:
        kind = str(np.dtype(dtype))  # pandas' type hints know the names
        values = pd.read_csv(text, sep=delimiter, header=None, dtype=kind).to_numpy()
    except (ValueError, OSError) as error:
        raise HarError(f"{path} is damaged: {' '.join(str(error).split())}") from None
    if values.shape[1] != columns or not np.isfinite(values).all():
        raise HarError(f"{path} does not hold rows of {columns} finite numbers")
    return values
