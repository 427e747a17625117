"""Windows of more recordings than memory holds: the same bytes, whoever cuts them."""

import hashlib
import os
import resource
from dataclasses import fields
from functools import partial
from pathlib import Path

import dask
import numpy as np
import pytest
from imports import ROOT

from har.data import cutting
from har.data.cutting import cut_to_file
from har.data.datasets import simulated
from har.data.windows import cut_windows, load, save
from har.errors import HarError
from har.params import Workers
from har.signals.blocks import in_blocks
from har.signals.channels import CHANNEL_GROUPS

GROUPS = ["total_acc", "gyro", "centred_acc"]
HERE = Workers(jobs=1)


def of_person(recordings, subject):
    """A piece: one person's recordings."""
    return [each for each in recordings if each.subject == subject], f"{subject}" * 64


def fails(_, error):
    raise error


def dies(_):
    os._exit(9)


@pytest.fixture
def with_backend(monkeypatch):
    """Skip where a backend's package is missing; Ray's workers find this module."""

    def check(backend):
        if backend == "ray":
            pytest.importorskip("ray")
            monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'tests'}")

    return check


@pytest.fixture
def pieces(recordings):
    return {
        "made_up": [partial(of_person, recordings, subject) for subject in range(1, 4)],
        "another": [partial(of_person, recordings, subject) for subject in range(4, 7)],
    }


def cut(path, pieces, workers=HERE, size=64):
    return cut_to_file(path, pieces, size, 0.5, GROUPS, workers)


def test_a_file_cut_in_pieces_is_the_one_cut_at_once(tmp_path, recordings, pieces):
    made = cut(tmp_path / "pieces.npz", pieces)
    first, second = (
        hashlib.sha256("".join(f"{each}" * 64 for each in people).encode()).hexdigest()
        for people in ((1, 2, 3), (4, 5, 6))
    )
    digest = hashlib.sha256((first + second).encode()).hexdigest()
    whole = cut_windows(recordings, 64, 0.5, GROUPS, digest)
    save(tmp_path / "whole.npz", whole)
    assert (tmp_path / "pieces.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    for field in fields(whole)[1:]:
        assert np.array_equal(getattr(made, field.name), getattr(whole, field.name))
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == []


def test_the_file_is_as_numpy_writes_it(tmp_path, windows):
    """Other programs read it, and what was made by earlier versions stays what it is."""
    save(tmp_path / "windows.npz", windows)
    with np.load(tmp_path / "windows.npz") as file:
        np.savez(tmp_path / "again.npz", **{name: file[name] for name in file.files})
    assert (tmp_path / "windows.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()


@pytest.mark.parametrize("backend", ["loky", "dask", "ray"])
def test_workers_change_nothing(tmp_path, pieces, backend, with_backend):
    with_backend(backend)
    cut(tmp_path / "alone.npz", pieces)
    cut(tmp_path / "together.npz", pieces, Workers(backend=backend, jobs=2))
    alone, together = (tmp_path / f"{name}.npz" for name in ("alone", "together"))
    assert together.read_bytes() == alone.read_bytes()


def test_a_worker_of_ray_that_lacks_a_module_is_one_line(tmp_path, pieces):
    pytest.importorskip("ray")
    with pytest.raises(HarError, match="a worker cannot do the work .*No module named") as caught:
        cut(tmp_path / "windows.npz", pieces, Workers(backend="ray", jobs=1))
    assert "\n" not in str(caught.value)


def test_no_more_of_a_file_is_in_memory_than_is_looked_at(tmp_path):
    """Forty people: 20 MB of windows, of which no pass keeps more than a few."""
    people = {"simulated": [partial(simulated.record, 0, each, 9.0) for each in range(1, 41)]}
    cut_to_file(tmp_path / "windows.npz", people, 128, 0.9, list(CHANNEL_GROUPS), HERE)
    windows, _ = load(tmp_path / "windows.npz")
    assert windows.signals.nbytes > 20e6
    resident = _resident(windows.signals)
    assert resident < 4e6
    train = windows.of("train")
    assert isinstance(train.signals, np.memmap) and not train.signals.flags.writeable
    assert _resident(train.signals) < 4e6
    assert np.array_equal(train.signals, np.array(windows.signals)[windows.split == "train"])


def test_a_copy_of_what_is_in_a_file_is_in_memory(tmp_path, windows):
    """NumPy gives it the same type."""
    save(tmp_path / "windows.npz", windows)
    twice = np.tile(load(tmp_path / "windows.npz")[0].signals, (2, 1, 1))
    assert np.array_equal(np.concatenate(list(in_blocks(twice))), twice)


def test_a_file_is_read_also_where_the_system_takes_no_advice(tmp_path, windows, monkeypatch):
    """As on Windows."""
    monkeypatch.delattr("mmap.MADV_DONTNEED")
    save(tmp_path / "windows.npz", windows)
    back, _ = load(tmp_path / "windows.npz")
    assert isinstance(back.signals, np.memmap)
    assert np.array_equal(np.concatenate(list(in_blocks(back.signals))), windows.signals)


def _resident(mapped):
    """Bytes of a mapped file that this process has in memory."""
    first = mapped.ctypes.data
    size, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        head = line.split()
        if "-" in head[0] and not head[0].endswith(":"):
            low, high = (int(each, 16) for each in head[0].split("-"))
            inside = low <= first < high
        elif inside and head[0] == "Rss:":
            size += 1024 * int(head[1])
    return size


@pytest.mark.parametrize(
    "workers",
    [HERE, Workers(jobs=2), Workers(backend="dask", jobs=2), Workers(backend="ray", jobs=2)],
    ids=["alone", "two", "dask", "ray"],
)
def test_what_a_piece_has_to_say_is_said_and_the_old_file_stays(
    tmp_path, pieces, workers, with_backend
):
    with_backend(workers.backend)
    path = tmp_path / "windows.npz"
    cut(path, pieces)
    before = path.read_bytes()
    wrong = pieces | {"another": [partial(fails, 0, HarError("anna.csv is damaged"))]}
    with pytest.raises(HarError, match="^anna.csv is damaged$"):
        cut(path, wrong, workers)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_a_worker_that_dies_is_one_line_and_the_next_run_goes_on(tmp_path, pieces, backend):
    path, workers = tmp_path / "windows.npz", Workers(backend=backend, jobs=2)
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        pytest.raises(HarError, match="a worker died at its work") as caught,
    ):
        cut(path, pieces | {"another": [partial(dies, 0)]}, workers)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    cut(path, pieces, workers)
    load(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:-4]),
        lambda path: path.write_bytes(path.read_bytes()[: -4 * 64 * 9]),
        lambda path: path.write_bytes(bytes(path.stat().st_size)),
    ],
    ids=["missing", "cut off", "a window fewer", "of another run"],
)
def test_a_shard_that_is_not_what_was_written_is_refused(tmp_path, pieces, monkeypatch, damage):
    def cut_one(number, *arguments):
        shard = real(number, *arguments)
        if number == 2:
            damage(shard.path)
        return shard

    real = cutting._cut
    monkeypatch.setattr(cutting, "_cut", cut_one)
    with pytest.raises(HarError, match=r"2\.f4 is not what a worker wrote there"):
        cut(tmp_path / "windows.npz", pieces)
    assert list(tmp_path.iterdir()) == []


def test_workers_that_do_not_share_the_disk_are_refused(tmp_path, pieces):
    piece = pieces["another"][0]
    with pytest.raises(HarError, match="elsewhere is not on the disk of a worker"):
        cutting._cut(0, piece, tmp_path / "elsewhere", 64, 0.5, GROUPS)


@pytest.mark.parametrize("most", [50_000, 1_000_000], ids=["of a worker", "of the whole"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, pieces, most):
    path = tmp_path / "windows.npz"
    cut(path, pieces, size=128)
    before = path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limit[1]))  # Python ignores the signal
    try:
        with pytest.raises(OSError, match="File too large"):
            cut(path, pieces)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    cut(path, pieces)


def test_a_full_disk_is_an_error_where_rows_of_a_file_are_copied(tmp_path, windows):
    save(tmp_path / "windows.npz", windows)
    back, _ = load(tmp_path / "windows.npz")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            back.select(np.arange(0, len(back), 2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def test_recordings_that_are_all_too_short_are_said(tmp_path, pieces):
    with pytest.raises(HarError, match=r"no recording has 301 samples .* longest has 300"):
        cut(tmp_path / "windows.npz", pieces, size=301)


def test_people_simulated_on_the_fly_are_those_in_files(tmp_path):
    simulated.write(tmp_path, 6.0, seed=3)
    of_file = simulated.read(tmp_path)[0]
    split = {each.subject: each.split for each in of_file}
    for subject in (1, 2, 30):
        made, digest = simulated.record(3, subject, 6.0)
        expected = [each for each in of_file if each.subject == subject]
        assert [each.activity for each in made] == [each.activity for each in expected]
        for one, other in zip(made, expected, strict=True):
            assert np.array_equal(one.signals, other.signals)
        assert {each.split for each in made} == {split[subject]}
        assert len(digest) == 64
    assert simulated.record(3, 32, 3.0)[0][0].split == "test"  # as person 2
