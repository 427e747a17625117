"""Get the data set's files into data/raw/: local archive, publisher or simulator."""

import os
from pathlib import Path

from har.data.archive import ArchiveUnavailable
from har.data.datasets import simulated, uci_har
from har.errors import HarError
from har.files import replacing_folder
from har.params import Params
from stages.common import RAW, project_root, run


def archives_and_downloads() -> tuple[Path | None, Path]:
    """The folder of this person's own archives, if any, and the one that keeps downloads."""
    named = os.environ.get("HAR_ARCHIVE_DIR")
    root = project_root()  # a relative path is meant from there, also in DVC's temporary copies
    return root / named if named else None, root / "data" / "downloads"


def fetch_uci_har(folder: Path) -> None:
    """Unpack UCI HAR to an empty folder from where this person has it, or the publisher."""
    uci_har.fetch(folder, *archives_and_downloads())


def raw_holds_uci_har() -> bool:
    """Whether data/raw/ has the published numbers already, and no archive is needed."""
    try:
        uci_har.read_recordings(RAW)
    except HarError:
        return False
    return True


def main(params: Params) -> None:
    if params.dataset.name == "uci_har" and raw_holds_uci_har():
        print(f"{RAW} holds UCI HAR already, verified")
        return
    with replacing_folder(RAW) as folder:
        if params.dataset.name == "simulated":
            simulated.write(folder, params.simulated.seconds, params.simulated.seed)
            return
        try:
            fetch_uci_har(folder)
        except ArchiveUnavailable as error:
            raise ArchiveUnavailable(
                f"UCI HAR cannot be found ({error}). Two ways on: put the archive into a folder "
                "and name it, `export HAR_ARCHIVE_DIR=/that/folder`; or use simulated recordings, "
                "`dvc exp run -S dataset.name=simulated`"
            ) from error


if __name__ == "__main__":
    run(main)
