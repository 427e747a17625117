"""Get the data set's files into data/raw/: local archive, publisher or simulator."""

import os
from pathlib import Path

from har import archive
from har.datasets import simulated, uci_har
from har.files import replacing_folder
from har.params import Params
from stages.common import RAW, project_root, run


def local_archives() -> Path | None:
    """The folder of the person's own archives, if `HAR_ARCHIVE_DIR` names one."""
    named = os.environ.get("HAR_ARCHIVE_DIR")
    return Path(named) if named else None


def downloads() -> Path:
    """Where downloaded archives stay, so that none is fetched twice."""
    return project_root() / "data" / "downloads"


def main(params: Params) -> None:
    with replacing_folder(RAW) as folder:
        if params.dataset.name == "simulated":
            simulated.write(folder, params.simulated.seconds, params.simulated.seed)
            return

        def unpack_and_verify(path: Path) -> None:
            archive.unpack(path, uci_har.FILES, folder)
            uci_har.read_recordings(folder)

        try:
            archive.obtain(uci_har.ARCHIVES, unpack_and_verify, local_archives(), downloads())
        except archive.ArchiveUnavailable as error:
            raise archive.ArchiveUnavailable(
                f"UCI HAR is not to be had ({error}). Two ways on: put the archive into a folder "
                "and name it, `export HAR_ARCHIVE_DIR=/that/folder`; or use simulated recordings, "
                "`dvc exp run -S dataset.name=simulated`"
            ) from error


if __name__ == "__main__":
    run(main)
