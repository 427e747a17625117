"""Windows of more recordings than memory holds: cut a piece at a time, side by side, into a file.

Each worker reads a piece of the data, such as a person's file, and writes its windows beside the
file that is to be. They are put together there in the order of the pieces, so that the result is
the same to the bit, whatever works on it: that of `har.data.windows.cut_windows`.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from har.data.datasets.sources import Piece, digest_of
from har.data.windows import Windows, describe, save, windows_in
from har.errors import HarError
from har.files import beside
from har.parallel import side_by_side
from har.params import Workers
from har.signals.blocks import BLOCK
from har.signals.channels import make_channels
from har.signals.recordings import Recording


@dataclass(frozen=True)
class Shard:
    """What a worker made of a piece.

    Attributes:
        number: Of the piece, from 0.
        path: Of its windows, float32, one after the other.
        recordings: In order, without their signals: (samples, 0).
        digest: Of the piece.
        checksum: CRC-32 of the file.
    """

    number: int
    path: Path
    recordings: list[Recording]
    digest: str
    checksum: int


def cut_to_file(
    path: Path,
    pieces: Mapping[str, Sequence[Piece]],
    size: int,
    overlap: float,
    groups: Sequence[str],
    workers: Workers,
) -> Windows:
    """Cut windows and write them, as `save` writes those of `cut_windows`.

    Args:
        path: The file.
        pieces: Of each data set, by its name. A worker has one of them in memory, and the process
            that calls this what is known of the windows beside their signals.
        size: As for `cut_windows`.
        overlap: Likewise.
        groups: Likewise.
        workers: What to work on pieces with. Workers on other machines need the same folders.

    Returns:
        What was written, without the signals (`unknown_signals`).

    Raises:
        HarError: As `cut_windows`, `save` and `side_by_side`, or as a piece when it is read; or
            what a worker wrote is not there any more.
    """
    in_order = [piece for of_one in pieces.values() for piece in of_one]
    alone = workers if len(in_order) > 1 else Workers(jobs=1)
    with beside(path) as folder:
        work = (
            partial(_cut, number, piece, folder.absolute(), size, overlap, groups)
            for number, piece in enumerate(in_order)
        )
        shards = sorted(side_by_side(work, alone), key=lambda shard: shard.number)
        digests = iter(shard.digest for shard in shards)
        digest = digest_of(digest_of(next(digests) for _ in of_one) for of_one in pieces.values())
        recordings = [recording for shard in shards for recording in shard.recordings]
        made = describe(recordings, size, overlap, groups, digest)
        save(path, made, _put_together(shards, made.signals.shape[1:]))
    return made


def _cut(
    number: int, piece: Piece, folder: Path, size: int, overlap: float, groups: Sequence[str]
) -> Shard:
    """Read a piece and write its windows: the work of one worker."""
    if not folder.is_dir():
        raise HarError(f"{folder} is not on the disk of a worker: all need the same folders")
    recordings, digest = piece()
    path, checksum = folder / f"{number}.f4", 0
    with path.open("wb") as file:
        for recording in recordings:
            for window in windows_in(recording, size, overlap):
                made = np.ascontiguousarray(make_channels(window, groups), np.float32)
                checksum = zlib.crc32(made.data, checksum)
                file.write(made.data)
    known = [replace(each, signals=np.empty((len(each.signals), 0))) for each in recordings]
    return Shard(number, path, known, digest, checksum)


def _put_together(shards: Iterable[Shard], shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """The windows (some, *shape) of all shards, of which each is gone when it has been read."""
    for shard in shards:
        checksum = 0
        try:
            with shard.path.open("rb") as file:
                while content := file.read(BLOCK * 4 * int(np.prod(shape))):
                    checksum = zlib.crc32(content, checksum)
                    yield np.frombuffer(content, np.float32).reshape(-1, *shape)
        except (FileNotFoundError, ValueError):
            checksum = -1
        if checksum != shard.checksum:
            raise HarError(
                f"{shard.path} is not what a worker wrote there: all workers need the same disk, "
                "and nobody may change files in it; run this again"
            )
        shard.path.unlink()
