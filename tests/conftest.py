"""Fixtures that several test files use."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before PyTorch: two test workers share the cores

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import made_bundle
import numpy as np
import pytest
from filelock import FileLock
from project import SMALL, STAGES, Project

from har.data.windows import Windows, cut_windows
from har.signals.recordings import Recording


def archive(name: str) -> Path:
    """A real archive, or the test is skipped with the reason."""
    folder = os.environ.get("HAR_ARCHIVE_DIR")
    if not folder:
        pytest.skip("HAR_ARCHIVE_DIR is not set: no real archive to test with")
    path = Path(folder) / name
    if not path.exists():
        pytest.skip(f"HAR_ARCHIVE_DIR has no {name}")
    return path


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder of this run that all test processes share."""
    # With several processes, each has a folder below it.
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first test process to want it fills, for all of them."""
    folder = shared_folder(factory) / name
    done = folder.with_name(f"{name}.done")
    with FileLock(f"{folder}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a process that failed half-way
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session", autouse=True)
def _bundles_are_made_once(tmp_path_factory):
    made_bundle.SHARED = shared_folder(tmp_path_factory)


@pytest.fixture(scope="session")
def uci_har_folder(tmp_path_factory):
    """The real UCI HAR, unpacked; one for all test processes, so tests leave it as it is."""
    from har.data import archive as har_archive
    from har.data.datasets import uci_har

    zipped = archive("uci_har.zip")
    return made_once(
        tmp_path_factory,
        "uci_har",
        lambda folder: har_archive.unpack(zipped, uci_har.FILES, folder),
    )


@pytest.fixture(scope="session")
def hapt_archive():
    """The real HAPT archive."""
    return archive("hapt.zip")


@pytest.fixture(scope="session")
def motion_sense_archive():
    """The real MotionSense archive."""
    return archive("motion_sense.zip")


@pytest.fixture
def recordings() -> list[Recording]:
    """Two bouts of each activity by six people, the last two of them test subjects; learnable."""
    rng = np.random.default_rng(0)
    made = []
    for subject in range(1, 7):
        for activity in range(6):
            for samples in (300, 200):
                signals = rng.normal(0, 0.3, (samples, 9))
                signals[:, 6:] += np.eye(6)[activity, :3] - np.eye(6)[activity, 3:]
                split = "train" if subject <= 4 else "test"
                made.append(
                    Recording(subject, activity, split, signals.astype(np.float32), "made_up")
                )
    return made


@pytest.fixture
def windows(recordings) -> Windows:
    """Windows of 64 samples of `recordings`, total_acc and gyro."""
    return cut_windows(recordings, 64, 0.5, ["total_acc", "gyro"], "0" * 64)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Project:
    """A project whose pipeline has run and was committed, one for all test processes.

    It is as somebody without the archive has it: `dvc repro` failed (its output is in repro.txt
    above the project's folder) and `make run` went on with simulated recordings (run.txt). Tests
    copy it and leave it as it is.
    """

    def run(folder: Path) -> None:
        project = Project.copy(folder / "project", folder, SMALL | {"dataset.names": ["uci_har"]})
        (folder / "repro.txt").write_text(project.dvc("repro", fails=True))
        output = project.stage("")
        assert output.count("Running stage") == len(STAGES)
        (folder / "run.txt").write_text(output)
        project.commit("a run")

    folder = made_once(tmp_path_factory, "finished", run)
    return Project(folder / "project", folder)


@pytest.fixture
def project(finished, tmp_path) -> Project:
    """A copy of the finished project, DVC's cache included; its MLflow store is empty."""
    subprocess.run(["cp", "-a", str(finished.folder), str(tmp_path / "project")], check=True)
    (tmp_path / "project" / "mlflow.db").unlink(
        missing_ok=True
    )  # it names paths of the other folder
    return Project(tmp_path / "project", tmp_path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order in which no process waits for another.

    Tests that go to one process together (`xdist_group`) come first. Then one that makes the
    finished project, and as many that do not need it as others can run meanwhile; then what takes
    long, so that nothing long is left for the end.
    """
    maker = next((item for item in items if _needs_finished(item)), None)
    meanwhile = ("test_crossval", "test_live_server", "test_figures", "test_api", "test_simulated")

    def rank(item: pytest.Item) -> int:
        if item.get_closest_marker("xdist_group"):
            return 0
        if item is maker:
            return 1
        if item.path.stem in meanwhile and not _needs_finished(item):
            return 2
        return 3 if item.get_closest_marker("slow") else 4

    items.sort(key=rank)


def _needs_finished(item: pytest.Item) -> bool:
    return "finished" in getattr(item, "fixturenames", ())
