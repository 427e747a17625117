"""Real recordings to replay and to recognise, in the project's own form."""

import hashlib
import tempfile
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from har.errors import HarError

if TYPE_CHECKING:  # SciPy and pandas take a second to import, and --help needs neither
    from collections.abc import Iterable

    import numpy as np

    from har.signals.recordings import RawRecording

    Session = tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]

PAUSE = 5.0
"""Seconds between two trials in one file: longer than what recognition bridges."""


class Measured(StrEnum):
    """Data sets that have whole recordings."""

    hapt = "hapt"
    motion_sense = "motion_sense"
    usc_had = "usc_had"
    dsads = "dsads"


def recordings(
    folder: Annotated[Path, typer.Argument(help="Where to write.")] = Path("data/recordings"),
    dataset: Annotated[
        Measured, typer.Option(help="Data set: of hapt the test people, of the others everybody.")
    ] = Measured.hapt,
    archives: Annotated[
        Path | None,
        typer.Option(envvar="HAR_ARCHIVE_DIR", help="Folder that has the archive, if you have it."),
    ] = None,
    downloads: Annotated[Path, typer.Option(help="Folder that keeps what is downloaded.")] = Path(
        "data/downloads"
    ),
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Simulated recordings instead of real ones.")
    ] = False,
) -> None:
    """Write labelled recordings of real people, to replay on the page or to recognise.

    By default they are HAPT's: the whole sessions that UCI HAR's windows come from. Of the other
    data sets there is a file for each person and placement. The archive is taken from a folder of
    yours or from its publisher.
    """
    from tqdm import tqdm

    from har.data import phone_files

    if folder.exists() and not folder.is_dir():  # said before anything is downloaded
        raise HarError(f"{folder} is a file: name a folder")
    sessions = _simulated() if simulate else _measured(dataset, archives, downloads)
    count = 0
    for name, *samples in tqdm(sessions, disable=None):
        phone_files.write(folder / f"{name}.csv", *samples)
        count += 1
    typer.echo(f"{count} recordings in {folder}")


def _measured(name: str, archives: Path | None, downloads: Path) -> "Iterator[Session]":
    """HAPT's first session of each test subject; the trials of everybody in another data set."""
    from har.data.archive import ArchiveUnavailable
    from har.data.datasets import DATASETS, dsads, hapt, motion_sense, usc_had
    from har.data.datasets.sources import Sources
    from har.data.datasets.uci_har import OFFICIAL_TEST_SUBJECTS

    with tempfile.TemporaryDirectory() as unpacked:
        place = Path(unpacked)
        try:
            DATASETS[name].fetch(place, Sources(downloads, archives))
        except ArchiveUnavailable as error:
            raise ArchiveUnavailable(
                f"{DATASETS[name].TITLE} is not available ({error}). Two ways on: put its archive "
                "into a folder and name it, `export HAR_ARCHIVE_DIR=/that/folder`; or write "
                "simulated recordings, `har recordings --simulate`"
            ) from None
        if name == "hapt":
            done = set()
            for one in hapt.read_raw(place, subjects=OFFICIAL_TEST_SUBJECTS):
                if one.subject not in done:
                    done.add(one.subject)
                    session = f"hapt_subject{one.subject:02d}"
                    yield session, one.times, one.acceleration, one.angular_rate, one.activity
            return
        of_others = {"motion_sense": motion_sense, "usc_had": usc_had, "dsads": dsads}
        yield from _by_person(of_others[name].read_raw(place, hashlib.sha256()))


def _by_person(trials: "Iterable[RawRecording]") -> "Iterator[Session]":
    """The trials of each person and placement, one after the other."""
    import numpy as np

    of_person: dict[str, list[RawRecording]] = {}
    for one in trials:
        of_person.setdefault(f"{one.dataset}_subject{one.subject}_{one.placement}", []).append(one)
    for name, parts in sorted(of_person.items()):
        begins = np.cumsum([0.0, *(part.times[-1] + PAUSE for part in parts)])
        yield (
            name,
            np.concatenate([at + part.times for at, part in zip(begins, parts, strict=False)]),
            np.concatenate([part.acceleration for part in parts]),
            np.concatenate([part.angular_rate for part in parts]),
            np.concatenate([part.activity for part in parts]),
        )


def _simulated() -> "Iterator[Session]":
    import numpy as np

    from har.data.datasets import simulated
    from har.data.datasets.uci_har import OFFICIAL_TEST_SUBJECTS
    from har.signals.recordings import SAMPLING_RATE

    for subject in OFFICIAL_TEST_SUBJECTS:
        readings, bouts = simulated.simulate_session(seed=0, subject=subject, seconds=60)
        activity = np.full(len(readings), -1)
        for which, kept in bouts:
            activity[kept] = which
        times = np.arange(len(activity)) / SAMPLING_RATE
        yield f"simulated_subject{subject:02d}", times, readings[:, :3], readings[:, 3:], activity
