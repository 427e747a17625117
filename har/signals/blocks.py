"""Arrays that may lie in a file larger than memory, looked at a block at a time."""

import mmap
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

BLOCK = 512
"""Windows looked at together."""

SCATTERED = 64
"""The same where they do not lie together: the system reads what lies around each, too."""


def in_blocks(
    values: np.ndarray, of: np.ndarray | None = None, size: int = BLOCK
) -> Iterator[np.ndarray]:
    """The rows of an array, some at a time and in their order; no more of a file is in memory.

    Args:
        values: (rows, ...), in memory or in a file.
        of: bool (rows,), those to look at; None for all.
        size: Rows looked at together: a block has so many, or those of them that `of` names.
    """
    for first in range(0, len(values), size):
        part = slice(first, first + size)
        block = values[part] if of is None else values[part][of[part]]
        if len(block):
            yield block
        let_go(values)


def by_block(
    values: np.ndarray, make: Callable[[np.ndarray], np.ndarray], size: int = BLOCK
) -> np.ndarray:
    """A row for each row of an array, made of a block of them at a time.

    They are put into one array at once. Small arrays that are kept, each made between large ones
    that are not, would keep the system from using the latter's memory again.

    Args:
        values: (rows, ...), at least one, in memory or in a file.
        make: From (some rows, ...) to as many rows, each time of the same type and shape.
        size: As for `in_blocks`.
    """
    blocks = in_blocks(values, size=size)
    first = make(next(blocks))
    made = np.empty((len(values), *first.shape[1:]), first.dtype)
    made[: len(first)], row = first, len(first)
    for block in blocks:
        made[row : row + len(block)] = make(block)
        row += len(block)
    return made


def let_go(values: np.ndarray) -> None:
    """Let what was read of an array's file leave the memory; it is read again where it is used.

    Nothing happens to an array in memory, nor where the system cannot be told so (Windows). An
    array in a file cannot be written to, so that nothing is lost.
    """
    # A copy of such an array is of its type, but in memory.
    mapping = getattr(values, "_mmap", None)
    if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def taken(values: np.ndarray, *index: np.ndarray) -> np.ndarray:
    """`values[index]`, a copy in memory; of a file, little more than that is in memory meanwhile.

    Args:
        values: In memory or in a file.
        index: Arrays of integers, of the same length along their first axis, at least 1.
    """
    if not isinstance(values, np.memmap):
        chosen: np.ndarray = values[index]
        return chosen
    parts = []
    for first in range(0, len(index[0]), SCATTERED):
        parts.append(values[tuple(each[first : first + SCATTERED] for each in index)])
        let_go(values)
    return np.concatenate(parts)


def rows_of(values: np.ndarray, where: np.ndarray | slice) -> np.ndarray:
    """Rows of an array, in memory where it is; those of a file are copied to a file without a name.

    Args:
        values: (rows, ...).
        where: A boolean mask, indices, or a slice, of which no copy is made.
    """
    if not isinstance(values, np.memmap) or isinstance(where, slice):
        return values[where]
    rows = np.arange(len(values))[where]
    if not len(rows):
        return np.empty((0, *values.shape[1:]), values.dtype)
    folder = Path(values.filename).parent if values.filename else None
    chosen = (taken(values, part) for part in in_blocks(rows))
    return _in_file(chosen, (len(rows), *values.shape[1:]), values.dtype, folder)


def _in_file(
    blocks: Iterable[np.ndarray], shape: tuple[int, ...], dtype: np.dtype, folder: Path | None
) -> np.memmap:
    with tempfile.TemporaryFile(dir=folder) as file:
        # Written, not mapped: a full disk is an error then, and not the end of the process.
        for block in blocks:
            file.write(np.ascontiguousarray(block).data)
        file.flush()
        return np.memmap(file, dtype, "r", shape=shape)
