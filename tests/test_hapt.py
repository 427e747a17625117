import hashlib
import zipfile

import numpy as np
import pytest

from har.data.archive import ArchiveUnavailable
from har.data.datasets import hapt
from har.data.datasets.sources import Sources
from har.data.datasets.uci_har import OFFICIAL_TEST_SUBJECTS
from har.errors import HarError
from har.signals.recordings import NO_ACTIVITY

LABELS = "1 1 5 1 10\n1 1 7 11 14\n1 1 4 15 20\n2 1 1 3 4\n"


@pytest.fixture
def local(tmp_path, monkeypatch):
    """An archive of the published layout, with twenty samples an experiment, as if published."""
    folder = tmp_path / "local"
    folder.mkdir()
    digest = hashlib.sha256(np.array(LABELS.split(), "<f4").tobytes())
    for _ in hapt.SUBJECT_OF:
        for row in ([0.5, -0.25, 0.1], [1, 2, 3]):
            digest.update(np.array(row * 20, "<f4").tobytes())
    monkeypatch.setattr(hapt, "SHA256", digest.hexdigest())
    with zipfile.ZipFile(folder / "mine.zip", "w") as archive:
        for name in hapt.FILES[:-1]:
            row = "0.5 -0.25 1e-1\n" if "/acc_" in name else "1 2 3\n"
            archive.writestr(name, row * 20)
        archive.writestr(hapt.LABELS, LABELS)
    return folder


def no_network(one, *_):
    raise HarError(f"{one.url}: cannot be reached")


@pytest.fixture
def folder(local, tmp_path):
    hapt.fetch(tmp_path, Sources(tmp_path / "downloads", local))
    return tmp_path


def test_sessions(folder):
    sessions = list(hapt.read_raw(folder))
    assert [one.subject for one in sessions] == list(hapt.SUBJECT_OF)
    assert {one.subject for one in sessions} == set(range(1, 31))
    assert {one.subject for one in sessions if one.split == "test"} == set(OFFICIAL_TEST_SUBJECTS)
    first = sessions[0]
    assert first.acceleration[7].tolist() == [0.5, -0.25, 0.1]
    assert first.angular_rate.shape == (20, 3)
    # Standing, a transition, sitting; labels count samples from 1 and name the last one.
    assert first.activity.tolist() == [4] * 10 + [NO_ACTIVITY] * 4 + [3] * 6
    assert np.flatnonzero(sessions[1].activity == 0).tolist() == [2, 3]


def test_only_some_people(folder):
    assert [one.subject for one in hapt.read_raw(folder, subjects=(10,))] == [10, 10, 10]


@pytest.mark.parametrize(
    ("content", "says"),
    [("1 2\n", "rows of 3"), ("1 2 x\n", "damaged"), ("1 2 nan\n", "finite"), (None, "is missing")],
)
def test_a_damaged_file_is_named(folder, content, says):
    path = folder / hapt.FILES[0]
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(HarError, match=f"acc_exp01_user01.txt.*{says}"):
        list(hapt.read_raw(folder))


def test_files_of_different_lengths_are_refused(folder):
    path = folder / hapt.FILES[1]
    path.write_text(path.read_text()[6:])
    with pytest.raises(HarError, match="experiment 1 has files of different lengths"):
        list(hapt.read_raw(folder))


def test_another_version_is_refused(local, tmp_path, monkeypatch):
    monkeypatch.setattr("har.data.archive.download", no_network)
    (local / "mine.zip").rename(local / "other.zip")
    with zipfile.ZipFile(local / "other.zip") as old, zipfile.ZipFile(local / "a.zip", "w") as new:
        for name in hapt.FILES:
            new.writestr(name, old.read(name).replace(b"-0.25", b"-0.26"))
    (local / "other.zip").unlink()
    with pytest.raises(HarError, match=r"a\.zip: the values are not those that were published"):
        hapt.fetch(tmp_path, Sources(tmp_path / "downloads", local))


def test_no_archive(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr("har.data.archive.time.sleep", lambda _: None)
    with pytest.raises(ArchiveUnavailable, match=r"holds no file that ends in \.zip"):
        (tmp_path / "empty").mkdir()
        hapt.fetch(tmp_path / "to", Sources(tmp_path / "downloads", tmp_path / "empty"))
