"""Fixtures that several test files use."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before PyTorch: two test workers share the cores

import subprocess
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from project import SMALL, Project

from har.data.windows import Windows, cut
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


@pytest.fixture(scope="session")
def uci_har_folder(tmp_path_factory):
    """The real UCI HAR, unpacked."""
    from har.data import archive as har_archive
    from har.data.datasets import uci_har

    folder = tmp_path_factory.mktemp("uci_har")
    har_archive.unpack(archive("uci_har.zip"), uci_har.FILES, folder)
    return folder


@pytest.fixture(scope="session")
def hapt_archive():
    """The real HAPT archive."""
    return archive("hapt.zip")


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
                made.append(Recording(subject, activity, split, signals.astype(np.float32)))
    return made


@pytest.fixture
def windows(recordings) -> Windows:
    """Windows of 64 samples of `recordings`, total_acc and gyro."""
    return cut(recordings, 64, 0.5, ["total_acc", "gyro"], "made_up", "0" * 64)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Project:
    """A project whose pipeline has run and was committed, one for all test processes.

    Tests copy it and leave it as it is.
    """
    # With several processes, each has a folder below the one that they share.
    several = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if several else base) / "finished"
    with FileLock(f"{folder}.lock"):
        if (folder / "done").exists():
            return Project(folder / "project", folder)
        project = Project.copy(folder / "project", folder, SMALL)
        output = project.dvc("repro")
        assert output.count("Running stage") == 6
        project.commit("a run")
        (folder / "done").touch()
        return project


@pytest.fixture
def project(finished, tmp_path) -> Project:
    """A copy of the finished project, DVC's cache included; its MLflow store is empty."""
    subprocess.run(["cp", "-a", str(finished.folder), str(tmp_path / "project")], check=True)
    (tmp_path / "project" / "mlflow.db").unlink()  # it names paths of the other folder
    return Project(tmp_path / "project", tmp_path)


@pytest.fixture(scope="session")
def little_trained(uci_har_folder, tmp_path_factory):
    """Folder of a bundle trained on the real training subjects for a few seconds."""
    from dataclasses import replace

    from har.data.datasets import uci_har
    from har.learning.training import fit
    from har.learning.weights import record_of
    from har.model import bundle
    from har.model.packaging import package
    from har.params import Params
    from har.signals.scaling import fit_scaling

    params = Params.model_validate({"train": {"epochs": 5, "device": "cpu"}})
    train = cut(
        uci_har.read_recordings(uci_har_folder)[0],
        128,
        0.5,
        params.windowing.channels,
        "uci_har",
        "",
    ).of("train")
    scaling = fit_scaling(train.signals, "standard")
    train = replace(train, signals=scaling.apply(train.signals))
    model, history = fit(train, scaling, params, show_progress=False)
    folder = tmp_path_factory.mktemp("little_trained") / "models"
    record = record_of(model, train, scaling, params, history.kept_epoch)
    bundle.save(folder, package(model, record, train, params.calibration.temperature))
    return folder
