import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from har.errors import HarError
from har.files import replacing_file, replacing_files, replacing_folder


def test_a_file_is_replaced_only_when_the_block_ends_well(tmp_path):
    path = tmp_path / "reports" / "table.csv"
    with replacing_file(path) as partial:
        assert partial.suffix == ".csv"
        partial.write_text("old")
    with pytest.raises(RuntimeError), replacing_file(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    with replacing_file(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [one.name for one in path.parent.iterdir()] == ["table.csv"]


def test_what_takes_its_place_is_on_the_disk(tmp_path, monkeypatch):
    """All of it, before any: a power cut leaves the old files or the new."""
    paths = tmp_path / "a.txt", tmp_path / "b.txt"
    on_disk = set()

    def flushed(descriptor):
        assert not any(path.exists() for path in paths)
        on_disk.add(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", flushed)
    with replacing_files(*paths) as partials:
        for partial in partials:
            partial.write_text("new")
    assert on_disk == {path.stat().st_ino for path in paths}


def test_an_interrupted_swap_brings_the_old_folder_back(tmp_path, monkeypatch):
    path = tmp_path / "models"
    with replacing_folder(path) as partial:
        (partial / "old").touch()
    rename = Path.replace

    def interrupted(source, target):
        result = rename(source, target)
        if target.name == "old":  # the old one has just stepped aside
            raise SystemExit(143)
        return result

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(SystemExit), replacing_folder(path) as partial:
        (partial / "new").touch()
    assert [one.name for one in path.iterdir()] == ["old"]


def test_a_folder_is_replaced_whole(tmp_path):
    path = tmp_path / "models"
    with replacing_folder(path) as partial:
        (partial / "a").write_text("1")
    with pytest.raises(KeyboardInterrupt), replacing_folder(path) as partial:
        (partial / "b").write_text("2")
        raise KeyboardInterrupt
    assert [one.name for one in path.iterdir()] == ["a"]
    with replacing_folder(path) as partial:
        (partial / "b").write_text("2")
    assert [one.name for one in path.iterdir()] == ["b"]
    assert [one.name for one in tmp_path.iterdir()] == ["models"]


@pytest.mark.parametrize(
    ("replacing", "name", "message"),
    [
        (replacing_file, "folder", "folder is a folder: name a file"),
        (replacing_folder, "file", "file is a file: name a folder"),
    ],
)
def test_a_file_and_a_folder_do_not_replace_each_other(tmp_path, replacing, name, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept")
    with pytest.raises(HarError, match=message), replacing(tmp_path / name):
        raise AssertionError("nothing is to be made")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_fifo_is_written_to_and_stays(tmp_path):
    path, got = tmp_path / "table.csv", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()), daemon=True)
    reader.start()
    with replacing_file(path) as partial:
        assert partial.suffix == ".csv"
        partial.write_bytes(b"0123456789" * 100_000)
    reader.join(20)
    assert got == [b"0123456789" * 100_000]
    assert path.is_fifo()
    assert [one.name for one in tmp_path.iterdir()] == ["table.csv"]


def test_a_fifo_gets_nothing_when_the_block_fails(tmp_path):
    path = tmp_path / "table.csv"
    os.mkfifo(path)
    with pytest.raises(RuntimeError), replacing_file(path) as partial:
        partial.write_text("half")
        raise RuntimeError  # nobody reads: opening the FIFO would wait for ever
    assert path.is_fifo()


def test_a_device_is_written_to_and_stays(tmp_path):
    """As root, `--out /dev/null` must not leave a file there; a node of the test's own here."""
    path, link = tmp_path / "null", tmp_path / "link"
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        path.write_bytes(b"")  # a file system may allow nodes and not their use
    except OSError as error:
        pytest.skip(f"no device can be made here: {error}")
    link.symlink_to(path)
    for written in (path, link):
        with replacing_file(written) as partial:
            partial.write_text("gone")
        assert path.is_char_device() and link.is_symlink()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "null"]


@pytest.mark.parametrize("absolute", [False, True])
def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path, absolute):
    target, link, second = tmp_path / "far/a.csv", tmp_path / "b.csv", tmp_path / "c.csv"
    target.parent.mkdir()
    target.write_text("old")
    link.symlink_to(target if absolute else Path("far/a.csv"))
    second.symlink_to("b.csv")
    with pytest.raises(RuntimeError), replacing_file(second) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    with replacing_file(second) as partial:
        partial.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert link.is_symlink() and second.is_symlink() and not target.is_symlink()
    assert [one.name for one in target.parent.iterdir()] == ["a.csv"]


def test_a_link_to_nothing_is_a_new_file(tmp_path):
    link = tmp_path / "a.csv"
    link.symlink_to("new/b.csv")
    with replacing_file(link) as partial:
        partial.write_text("new")
    assert link.is_symlink() and (tmp_path / "new/b.csv").read_text() == "new"


def test_a_link_to_a_folder_stays_and_its_target_is_replaced(tmp_path):
    link = tmp_path / "models"
    link.symlink_to("far")
    for name in ("old", "new"):
        with replacing_folder(link) as partial:
            (partial / name).touch()
        assert link.is_symlink()
        assert [one.name for one in (tmp_path / "far").iterdir()] == [name]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["far", "models"]


@pytest.mark.parametrize("replacing", [replacing_file, replacing_folder])
def test_a_loop_of_links_is_one_line(tmp_path, replacing):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with (
        pytest.raises(HarError, match=r"a is a loop of symbolic links: name a file or folder$"),
        replacing(tmp_path / "a"),
    ):
        raise AssertionError("nothing is to be made")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_file_that_has_lost_its_name_is_written_to(tmp_path):
    """As /dev/stdout may be one."""
    path = tmp_path / "a.csv"
    with path.open("w+") as file:
        path.unlink()
        with replacing_file(Path(f"/proc/self/fd/{file.fileno()}")) as partial:
            partial.write_text("written")
        assert file.read() == "written"
    assert not list(tmp_path.iterdir())


def test_files_that_belong_together_take_their_places_together(tmp_path, monkeypatch):
    paths = [tmp_path / "a/first.csv", tmp_path / "b/second.csv", tmp_path / "b/third.csv"]
    with replacing_files(*paths[:2]) as partials:
        for partial in partials:
            partial.write_text("old")
    rename = Path.replace

    for failing in paths:  # a rename that fails, be it the last of all

        def failing_rename(source, target, failing=failing):
            if target == failing and source.name == failing.name:
                raise PermissionError(13, "Permission denied", str(target))
            return rename(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", failing_rename)
            with pytest.raises(PermissionError), replacing_files(*paths) as partials:
                for partial in partials:
                    partial.write_text("new")
        assert [path.read_text() for path in paths[:2]] == ["old", "old"]
        assert not paths[2].exists()
    with replacing_files(*paths) as partials:
        for partial in partials:
            partial.write_text("new")
        assert paths[0].read_text() == "old"
    assert [path.read_text() for path in paths] == ["new"] * 3
    assert sorted(one.name for one in tmp_path.rglob("*.*")) == [path.name for path in paths]


def test_nothing_is_made_where_one_of_the_files_cannot_be(tmp_path):
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(HarError, match="folder is a folder: name a file"),
        replacing_files(tmp_path / "a.csv", tmp_path / "folder"),
    ):
        raise AssertionError("nothing is to be made")
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


KILLED = """
import sys
from pathlib import Path
from har.files import replacing_file, replacing_folder
with globals()[sys.argv[1]](Path(sys.argv[2])) as partial:
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("replacing", [replacing_file, replacing_folder])
def test_what_a_killed_process_left_is_removed_and_what_one_works_in_is_not(tmp_path, replacing):
    path = tmp_path / "a[1].b"
    command = [sys.executable, "-c", KILLED, replacing.__name__, str(path)]
    killed, working = (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)
    )
    for process in (killed, working):
        assert process.stdout.readline() == b"ready\n"
    killed.kill()
    killed.wait()
    assert len(list(tmp_path.iterdir())) == 2
    with replacing(path) as partial:
        if replacing is replacing_file:
            partial.write_text("new")
    assert len(list(tmp_path.iterdir())) == 2  # what was made, and what is being made
    if replacing is replacing_folder:
        working.communicate(b"")
        assert [one.name for one in tmp_path.iterdir()] == [path.name]
    working.kill()
    working.communicate()
