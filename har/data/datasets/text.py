"""Tables of numbers as published: plain text, a row a line."""

from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from har.errors import HarError


def read_numbers(path: Path, columns: int, dtype: DTypeLike) -> np.ndarray:
    """The numbers of a text file.

    Args:
        path: The file.
        columns: Numbers in each row.
        dtype: Of the array.

    Returns:
        (rows, columns).

    Raises:
        HarError: The file is missing, or does not hold rows of so many finite numbers.
    """
    try:
        values = np.loadtxt(path, dtype=dtype, ndmin=2, encoding="ascii")
    except FileNotFoundError:
        raise HarError(f"{path} is missing: unpack the data set again") from None
    except (ValueError, OSError) as error:
        raise HarError(f"{path} is damaged: {error}") from None
    if values.shape[1] != columns or not np.isfinite(values).all():
        raise HarError(f"{path} does not hold rows of {columns} finite numbers")
    return values
