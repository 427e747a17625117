"""Tables of numbers as published: plain text, a row a line."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from har.errors import HarError


def read_numbers(
    path: Path,
    columns: int,
    dtype: DTypeLike,
    delimiter: str | None = None,
    headings: Sequence[str] = (),
) -> np.ndarray:
    """The numbers of a text file.

    Args:
        path: The file.
        columns: Numbers in each row.
        dtype: Of the array.
        delimiter: What stands between the numbers; white space by default.
        headings: What the first line holds, if not numbers.

    Returns:
        (rows, columns).

    Raises:
        HarError: The file is missing, or does not hold rows of so many finite numbers below these
            headings.
    """
    try:
        with path.open(encoding="ascii") as file:
            if headings and file.readline().strip() != (delimiter or " ").join(headings):
                raise HarError(f"{path} has not the headings that were published")
            values = np.loadtxt(file, dtype=dtype, ndmin=2, delimiter=delimiter)
    except FileNotFoundError:
        raise HarError(f"{path} is missing: unpack the data set again") from None
    except (ValueError, OSError) as error:
        raise HarError(f"{path} is damaged: {error}") from None
    if values.shape[1] != columns or not np.isfinite(values).all():
        raise HarError(f"{path} does not hold rows of {columns} finite numbers")
    return values
