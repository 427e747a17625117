"""In which format training finds its windows fastest: a memory-mapped file, Zarr or Parquet.

python -m benchmarks.formats                # the windows of data/windows.npz
python -m benchmarks.formats --times 10     # as many again, ten times

Written, read in order and read as training does, a batch of random windows at a time, by each
format in turn. Zarr and PyArrow are not among the project's packages:
`pip install zarr==3.1.6 pyarrow==25.0.1`.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow
import pyarrow.parquet
import zarr

from har.data import windows
from har.signals.blocks import BLOCK, taken

BATCH = 64
"""Windows in a batch of training."""

Read = Callable[[np.ndarray], np.ndarray]
"""Gives the windows of these rows, (rows, size, channels)."""


def mapped(path: Path, signals: np.ndarray) -> Read:
    """As the pipeline does, without what it knows of each window."""
    with path.open("wb") as file:
        np.save(file, signals)
    found = np.load(path, mmap_mode="r")
    return lambda rows: taken(found, rows)


def in_zarr(path: Path, signals: np.ndarray, chunk: int, compressed: bool = True) -> Read:
    """An array in chunks of so many windows, a file each."""
    how = {} if compressed else {"compressors": None}
    shape = signals.shape
    array = zarr.create_array(path, shape=shape, dtype="f4", chunks=(chunk, *shape[1:]), **how)
    for first in range(0, len(signals), BLOCK):
        array[first : first + BLOCK] = signals[first : first + BLOCK]
    found = zarr.open_array(path, mode="r")
    return lambda rows: np.asarray(found.oindex[rows])


def in_parquet(path: Path, signals: np.ndarray, group: int) -> Read:
    """A row a window, in groups of so many."""
    size = int(np.prod(signals.shape[1:]))
    kind = pyarrow.list_(pyarrow.float32(), size)
    schema = pyarrow.schema([("signals", kind)])
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for first in range(0, len(signals), group):
            values = pyarrow.array(np.ascontiguousarray(signals[first : first + group]).ravel())
            column = pyarrow.FixedSizeListArray.from_arrays(values, size)
            writer.write_table(pyarrow.table([column], schema=schema))
    file = pyarrow.parquet.ParquetFile(path)

    def read(rows: np.ndarray) -> np.ndarray:
        made = np.empty((len(rows), *signals.shape[1:]), np.float32)
        for number in np.unique(rows // group):
            here = rows // group == number
            column = file.read_row_group(number)["signals"].combine_chunks()
            values = column.flatten().to_numpy().reshape(-1, *signals.shape[1:])
            made[here] = values[rows[here] - number * group]
        return made

    return read


FORMATS: dict[str, Callable[[Path, np.ndarray], Read]] = {
    "memory-mapped file": mapped,
    "Zarr, a window a chunk": partial(in_zarr, chunk=1),
    "Zarr, 64 windows a chunk": partial(in_zarr, chunk=64),
    "Zarr, 64 windows, not compressed": partial(in_zarr, chunk=64, compressed=False),
    "Zarr, 512 windows a chunk": partial(in_zarr, chunk=512),
    "Parquet, groups of 64": partial(in_parquet, group=64),
    "Parquet, groups of 512": partial(in_parquet, group=512),
}
"""What is compared, by name."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="where to have space for a while")
    asked = parser.parse_args()
    signals = np.tile(windows.load(Path("data/windows.npz"))[0].signals, (asked.times, 1, 1))
    rng = np.random.default_rng(0)
    print(f"{len(signals):,} windows\n")
    print("| format | files | MB | to write, s | to read in order, s | a batch, ms |")
    print("|---|---|---|---|---|---|", flush=True)
    for name, write in FORMATS.items():
        with TemporaryDirectory(dir=asked.folder) as temporary:
            path = Path(temporary) / "windows"
            start = time.perf_counter()
            read = write(path, signals)
            written = time.perf_counter() - start
            start = time.perf_counter()
            for rows in np.array_split(np.arange(len(signals)), max(1, len(signals) // BLOCK)):
                assert np.array_equal(read(rows), signals[rows])
            in_order = time.perf_counter() - start
            start = time.perf_counter()
            for _ in range(asked.batches):
                read(rng.choice(len(signals), BATCH, replace=False))
            batch = (time.perf_counter() - start) / asked.batches
            files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
            size = sum(each.stat().st_size for each in files) / 1e6
        row = name, f"{len(files):,}", f"{size:.0f}", f"{written:.1f}", f"{in_order:.1f}"
        print(f"| {' | '.join(row)} | {1000 * batch:.1f} |", flush=True)


if __name__ == "__main__":
    main()
