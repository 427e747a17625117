"""Real recordings to replay: test subjects' whole sessions, in the project's own form."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from har.errors import HarError
from har.signals.recordings import SAMPLING_RATE

if TYPE_CHECKING:  # SciPy and pandas take a second to import, and --help needs neither
    import numpy as np

    Session = tuple[str, np.ndarray, np.ndarray, np.ndarray]


def recordings(
    folder: Annotated[Path, typer.Argument(help="Where to write.")] = Path("data/recordings"),
    archives: Annotated[
        Path | None,
        typer.Option(envvar="HAR_ARCHIVE_DIR", help="Folder with HAPT's archive, if it is here."),
    ] = None,
    downloads: Annotated[Path, typer.Option(help="Folder that keeps what is downloaded.")] = Path(
        "data/downloads"
    ),
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Simulated recordings instead of real ones.")
    ] = False,
) -> None:
    """Write a recording of each test subject, to replay on the page or to recognise.

    They are HAPT's: the whole sessions that UCI HAR's windows come from. The archive is taken from
    a folder of yours or from its publisher.
    """
    import numpy as np
    from tqdm import tqdm

    from har.data import phone_files
    from har.data.datasets.uci_har import OFFICIAL_TEST_SUBJECTS

    if folder.exists() and not folder.is_dir():  # said before anything is downloaded
        raise HarError(f"{folder} is a file: name a folder")
    sessions = _simulated() if simulate else _measured(archives, downloads)
    total = len(OFFICIAL_TEST_SUBJECTS)
    for name, acceleration, angular_rate, activity in tqdm(sessions, total=total, disable=None):
        phone_files.write(
            folder / f"{name}.csv",
            np.arange(len(activity)) / SAMPLING_RATE,
            acceleration,
            angular_rate,
            activity,
        )
    typer.echo(f"{total} recordings in {folder}")


def _measured(archives: Path | None, downloads: Path) -> "Iterator[Session]":
    from har.data.archive import ArchiveUnavailable
    from har.data.datasets import hapt
    from har.data.datasets.sources import Sources
    from har.data.datasets.uci_har import OFFICIAL_TEST_SUBJECTS

    with tempfile.TemporaryDirectory() as unpacked:
        try:
            hapt.fetch(Path(unpacked), Sources(downloads, archives))
        except ArchiveUnavailable as error:
            raise ArchiveUnavailable(
                f"HAPT is not available ({error}). Two ways on: put its archive into a folder and "
                "name it, `export HAR_ARCHIVE_DIR=/that/folder`; or write simulated recordings, "
                "`python -m har recordings --simulate`"
            ) from None
        done = set()
        for one in hapt.read_raw(Path(unpacked), subjects=OFFICIAL_TEST_SUBJECTS):
            if one.subject not in done:  # the first session of each
                done.add(one.subject)
                name = f"hapt_subject{one.subject:02d}"
                yield name, one.acceleration, one.angular_rate, one.activity


def _simulated() -> "Iterator[Session]":
    import numpy as np

    from har.data.datasets import simulated
    from har.data.datasets.uci_har import OFFICIAL_TEST_SUBJECTS

    for subject in OFFICIAL_TEST_SUBJECTS:
        readings, bouts = simulated.simulate_session(seed=0, subject=subject, seconds=60)
        activity = np.full(len(readings), -1)
        for which, kept in bouts:
            activity[kept] = which
        yield f"simulated_subject{subject:02d}", readings[:, :3], readings[:, 3:], activity
