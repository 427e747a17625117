"""On the real archive; skipped where HAR_ARCHIVE_DIR does not name its folder."""

import io
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from project import Project
from scipy.spatial import cKDTree

from har.data import windows
from har.data.datasets import uci_har
from har.data.windows import cut_windows
from har.errors import HarError
from har.signals.filters import filter_recording


@pytest.fixture(scope="module")
def published(uci_har_folder):
    return uci_har.read_parts(uci_har_folder)


@pytest.fixture(scope="module")
def recordings(uci_har_folder):
    return uci_har.read(uci_har_folder)[0]


def test_the_published_windows_come_back_bit_for_bit_in_order(published, recordings):
    groups = ["body_acc", "gyro", "total_acc"]
    made = cut_windows(recordings, 128, 0.5, groups, "")
    assert len(made) == 10_299
    for split, part in published.items():
        of_split = made.of(split)
        assert np.array_equal(of_split.signals, part.signals)
        assert np.array_equal(of_split.label, part.labels - 1)
        assert np.array_equal(of_split.subject, part.subjects)


def test_bouts(recordings):
    assert len(recordings) == 857
    assert sum(recording.split == "train" for recording in recordings) == 600
    test_subjects = {one.subject for one in recordings if one.split == "test"}
    assert test_subjects == set(uci_har.OFFICIAL_TEST_SUBJECTS)


@pytest.mark.parametrize("size", [64, 200, 256])
def test_other_lengths_are_cut_from_the_same_stretches(recordings, size):
    made = cut_windows(recordings, size, 0.5, ["total_acc"], "")
    lengths = np.array([len(recording.signals) for recording in recordings])
    step = size // 2
    assert len(made) == np.maximum(0, (lengths - size) // step + 1).sum()
    row = len(made) // 2
    piece = recordings[made.bout[row]].signals[made.start[row] :][:size, 6:]
    assert np.array_equal(made.signals[row], piece)


def test_one_wrong_number_is_noticed(uci_har_folder, tmp_path):
    for name in uci_har.FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(uci_har_folder / name)
    labels = tmp_path / "test/y_test.txt"
    content = labels.read_text()
    labels.unlink()
    labels.write_text("4" + content[1:])
    with pytest.raises(HarError, match="the test labels are not those that were published"):
        uci_har.read(tmp_path)


def test_verified_data_are_kept_where_the_archive_is_gone(uci_har_folder, tmp_path):
    project = Project.copy(tmp_path / "project", tmp_path, {})
    shutil.copytree(uci_har_folder, project.folder / "data/raw/uci_har")
    assert "holds UCI HAR already" in project.stage("download")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_windowing_needs_little_memory(uci_har_folder, tmp_path):
    script = (
        "import re, sys; from pathlib import Path; from har.data import windows;"
        "from har.data.datasets import uci_har;"
        "recordings, digest = uci_har.read(Path(sys.argv[1]));"
        "cut = windows.cut_windows(recordings, 128, .5, ['total_acc', 'gyro'], digest);"
        "windows.save(Path(sys.argv[2]), cut);"
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    command = [sys.executable, "-c", script, str(uci_har_folder), str(tmp_path / "windows.npz")]
    kilobytes = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert kilobytes < 400_000
    assert len(windows.load(tmp_path / "windows.npz")[0]) == 10_299


def test_hapt_through_the_filters_gives_every_published_window(recordings, hapt_archive):
    """All windows, nine channels, to 1e-6: each bout lies somewhere in its person's sessions."""
    sessions: dict[int, list[np.ndarray]] = {}
    with zipfile.ZipFile(hapt_archive) as archive:
        for name in sorted(archive.namelist()):
            if "/acc_exp" not in name:
                continue
            raw = [
                np.loadtxt(io.BytesIO(archive.read(one)))
                for one in (name, name.replace("/acc_", "/gyro_"))
            ]
            subject = int(name[-6:-4])
            sessions.setdefault(subject, []).append(filter_recording(*raw))
    trees = {
        subject: [cKDTree(session) for session in theirs] for subject, theirs in sessions.items()
    }
    windows_found, worst = 0, 0.0
    for recording in recordings:
        length = len(recording.signals)
        gaps = []
        for session, tree in zip(
            sessions[recording.subject], trees[recording.subject], strict=True
        ):
            _, start = tree.query(recording.signals[0])
            piece = session[start : start + length]
            if len(piece) == length:
                gaps.append(np.abs(piece - recording.signals).max())
        worst = max(worst, min(gaps))
        windows_found += length // 64 - 1
    assert windows_found == 10_299
    assert worst < 1e-6
