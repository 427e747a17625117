"""Get each data set's files into data/raw/NAME/: archive, publisher, simulator, or data/own/."""

import os
import shutil

from har.data.archive import ArchiveUnavailable
from har.data.datasets import DATASETS, chosen
from har.data.datasets.sources import Sources
from har.errors import HarError
from har.files import replacing_folder
from har.params import Params
from stages.common import OWN, RAW, project_root, run


def sources(params: Params) -> Sources:
    """This person's own archives, the folder that keeps downloads, and what is made here."""
    named = os.environ.get("HAR_ARCHIVE_DIR")
    root = project_root()  # a relative path is meant from there, also in DVC's temporary copies
    return Sources(
        root / "data" / "downloads", root / named if named else None, params.simulated, OWN
    )


def fetch(name: str, params: Params) -> None:
    """Make data/raw/NAME anew, all of it or nothing."""
    with replacing_folder(RAW / name) as folder:
        DATASETS[name].fetch(folder, sources(params))


def holds_published(name: str) -> bool:
    """Whether data/raw/NAME has the published values already, and no archive is needed."""
    if not DATASETS[name].ARCHIVES:
        return False
    try:
        DATASETS[name].read(RAW / name)
    except HarError:
        return False
    return True


def main(params: Params) -> None:
    for name, dataset in chosen(params.dataset.names).items():
        if holds_published(name):
            print(f"{RAW / name} holds {dataset.TITLE} already, verified")
            continue
        try:
            fetch(name, params)
        except ArchiveUnavailable as error:
            raise ArchiveUnavailable(
                f"{dataset.TITLE} cannot be found ({error}). Ways on: put the archive into a "
                "folder and name it, `export HAR_ARCHIVE_DIR=/that/folder`; leave the data set out "
                "of dataset.names; or use simulated recordings, "
                "`dvc exp run -S 'dataset.names=[simulated]'`"
            ) from error
    for other in RAW.iterdir():
        if other.name not in params.dataset.names:
            shutil.rmtree(other) if other.is_dir() else other.unlink()


if __name__ == "__main__":
    run(main)
