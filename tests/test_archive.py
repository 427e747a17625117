"""Archives from a folder and from a server on this machine that can be made to misbehave."""

import errno
import io
import threading
import zipfile

import numpy as np
import pytest
from misbehaving import Server

from har.data import archive
from har.data.archive import Archive, ArchiveUnavailable, obtain
from har.errors import HarError

FILES = ("README.txt", "train/y.txt")


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return buffer.getvalue()


def data_set(top="UCI HAR Dataset/", **more):
    return zipped({top + "README.txt": "read", top + "train/y.txt": "1 2 3" * 50_000, **more})


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    # Stored, not deflated, so that it is long enough to break in the middle.
    content = zipped(
        {"a/README.txt": "read", "a/train/y.txt": bytes(range(256)) * 2000}, zipfile.ZIP_STORED
    )
    with Server(content) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def download(server, folder, **options):
    folder.mkdir(exist_ok=True)
    return archive.download(server.archive(), folder, pause=0.001, **options)


def test_a_download_is_verified_and_kept(server, tmp_path):
    path = download(server, tmp_path)
    assert path.read_bytes() == server.content
    assert [one.name for one in tmp_path.iterdir()] == ["archive.zip"]
    download(server, tmp_path)
    assert len(server.ranges) == 1  # the second time it was there


def test_a_broken_transfer_goes_on_where_it_stopped(server, tmp_path):
    server.faults = ["break", "break"]
    assert download(server, tmp_path).read_bytes() == server.content
    assert server.ranges[0] is None
    first, second = (int(one.removeprefix("bytes=").removesuffix("-")) for one in server.ranges[1:])
    assert 0 < first < second


class TestOfUnknownDigest:
    """What a publisher may pack anew: its content alone tells whether it will do."""

    def test_it_is_downloaded_whole(self, server, tmp_path):
        server.faults = ["break"]
        unknown = Archive(server.archive().url, "archive.zip")
        path = archive.download(unknown, tmp_path, pause=0.001)
        assert path.read_bytes() == server.content
        assert len(server.ranges) == 2 and server.ranges[1] is not None
        archive.download(unknown, tmp_path)
        assert len(server.ranges) == 2  # it was there

    def test_nothing_is_added_to_what_an_earlier_run_left(self, server, tmp_path):
        (tmp_path / "archive.zip.part").write_bytes(b"of another file")
        path = archive.download(Archive(server.archive().url, "archive.zip"), tmp_path)
        assert path.read_bytes() == server.content
        assert server.ranges == [None]

    def test_one_that_will_not_do_is_not_kept(self, server, tmp_path):
        def use(path):
            raise HarError(f"{path.name}: of another version")

        with pytest.raises(ArchiveUnavailable, match=r"archive\.zip: of another version"):
            obtain([Archive(server.archive().url, "archive.zip")], use, None, tmp_path)
        assert [one.name for one in tmp_path.iterdir()] in ([], [".lock"])


def test_a_later_run_goes_on_too(server, tmp_path):
    server.faults = ["break", 503, 503]
    with pytest.raises(HarError, match="503"):
        download(server, tmp_path, retries=1)
    have = (tmp_path / "archive.zip.part").stat().st_size
    assert 0 < have <= len(server.content) // 2
    assert download(server, tmp_path).read_bytes() == server.content
    assert server.ranges[-1] == f"bytes={have}-"


def test_a_page_in_place_of_the_rest_leaves_the_part(server, tmp_path):
    server.faults = ["break", "page", "page"]
    with pytest.raises(HarError, match="what came is no zip archive"):
        download(server, tmp_path, retries=1)
    have = (tmp_path / "archive.zip.part").stat().st_size
    assert (
        server.content.startswith((tmp_path / "archive.zip.part").read_bytes()) and have > 200_000
    )
    assert download(server, tmp_path).read_bytes() == server.content
    assert server.ranges[-1] == f"bytes={have}-"
    assert [one.name for one in tmp_path.iterdir()] == ["archive.zip"]


def test_a_page_in_place_of_the_archive_is_named_and_not_kept(server, tmp_path):
    server.faults = ["page"] * 2
    with pytest.raises(HarError, match="what came is no zip archive"):
        archive.download(Archive(server.archive().url, "archive.zip"), tmp_path, 0.001, retries=1)
    assert not list(tmp_path.iterdir())


def test_another_range_than_the_one_asked_for_is_not_taken(server, tmp_path):
    server.faults = ["break", "another range"]
    assert download(server, tmp_path).read_bytes() == server.content
    assert server.ranges[-1] is None  # then it asked for all of it


def test_the_whole_that_breaks_off_before_the_part_leaves_the_part(server, tmp_path):
    (tmp_path / "archive.zip.part").write_bytes(server.content[:300_000])
    server.faults = ["another range", "break"]  # and half of it is less than the part
    assert download(server, tmp_path).read_bytes() == server.content
    assert server.ranges == ["bytes=300000-", None, "bytes=300000-"]


def test_a_little_more_each_time_is_progress(server, tmp_path):
    server.faults = ["break at once"] * 6
    assert download(server, tmp_path, retries=1).read_bytes() == server.content
    assert server.ranges[1:3] == ["bytes=900-", "bytes=1800-"]


def test_what_comes_drop_by_drop_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "TIMEOUT", 0.2)
    server.faults = ["drip"] * 3
    with pytest.raises(HarError, match="fewer than 1000 bytes a second come"):
        download(server, tmp_path, retries=2)
    assert (tmp_path / "archive.zip.part").stat().st_size > 20  # to go on with, another day


def test_a_transfer_that_breaks_off_is_not_said_to_be_out_of_reach(server, tmp_path):
    server.faults = ["break", "break", "break"]
    with pytest.raises(HarError, match="the transfer broke off"):
        archive.download(Archive(server.archive().url, "archive.zip"), tmp_path, 0.001, retries=0)


@pytest.mark.parametrize("faults", [[503, 429, 500], ["break", "no ranges"]])
def test_passing_faults_are_retried(server, tmp_path, faults):
    server.faults = faults
    assert download(server, tmp_path).read_bytes() == server.content


def test_a_refusal_is_not_retried(server, tmp_path):
    server.faults = [404]
    with pytest.raises(HarError, match="HTTP status 404"):
        download(server, tmp_path)
    assert len(server.ranges) == 1


@pytest.mark.parametrize("size", [1000, 10_000_000])
def test_a_part_of_something_else_does_not_spoil_the_archive(server, tmp_path, size):
    (tmp_path / "archive.zip.part").write_bytes(b"x" * size)
    assert download(server, tmp_path).read_bytes() == server.content


def test_what_is_not_the_published_archive_is_not_kept(server, tmp_path):
    changed = bytearray(server.content)
    changed[1000] ^= 1
    other = server.archive(content=bytes(changed))
    with pytest.raises(HarError, match="has not the published SHA-256"):
        archive.download(other, tmp_path, pause=0.001)
    assert not list(tmp_path.iterdir())


def test_nobody_there_is_one_line(tmp_path):
    nobody = Archive("http://127.0.0.1:9/archive.zip", "archive.zip", 10, "0")
    with pytest.raises(HarError, match="127.0.0.1:9/archive.zip: cannot be reached"):
        archive.download(nobody, tmp_path, pause=0.001)


def test_a_local_archive_comes_first_whatever_its_name(server, tmp_path):
    (tmp_path / "another.zip").write_bytes(zipped({"a.txt": "b"}))
    (tmp_path / "gone.zip").symlink_to(tmp_path / "nowhere")
    (tmp_path / "my copy.zip").write_bytes(data_set())
    used = obtain(
        [server.archive()], lambda path: unpack(path, tmp_path / "raw"), tmp_path, tmp_path / "d"
    )
    assert used == {"README.txt", "train/y.txt"}
    assert not server.ranges


def test_a_damaged_local_archive_leads_to_the_publisher(server, tmp_path, caplog):
    whole = data_set()
    (tmp_path / "broken.zip").write_bytes(whole[: len(whole) // 2])
    obtain([server.archive()], lambda path: unpack(path, tmp_path / "r"), tmp_path, tmp_path / "d")
    assert len(server.ranges) == 1
    assert "broken.zip cannot be read" in caplog.text


def test_a_local_archive_of_published_size_must_have_the_published_digest(server, tmp_path):
    changed = bytearray(server.content)
    changed[-1000] ^= 1
    (tmp_path / "archive.zip").write_bytes(changed)
    obtain([server.archive()], lambda _: None, tmp_path, tmp_path / "d")
    assert len(server.ranges) == 1


def test_the_second_address_is_tried(server, tmp_path):
    server.faults = [404]
    addresses = [server.archive("new.zip"), server.archive("old.zip")]
    assert obtain(addresses, lambda path: path.name, None, tmp_path) == "old.zip"


def test_when_nothing_helps_every_reason_is_told(server, tmp_path):
    server.faults = [404, 403]
    addresses = [server.archive("new.zip"), server.archive("old.zip")]
    with pytest.raises(ArchiveUnavailable) as caught:
        obtain(addresses, lambda _: None, tmp_path / "nowhere", tmp_path)
    for reason in ("nowhere is not a folder", "new.zip: HTTP status 404", "old.zip: HTTP status"):
        assert reason in str(caught.value)


def unpack(path, folder):
    archive.unpack(path, FILES, folder)
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("top", ["", "UCI HAR Dataset/", "deep/er/"])
def test_unpacking_takes_what_is_asked_for_from_any_folder(tmp_path, top):
    path = tmp_path / "a.zip"
    path.write_bytes(data_set(top, **{f"{top}X_train.txt": "not needed", "./": ""}))
    assert unpack(path, tmp_path / "raw") == set(FILES)
    assert (tmp_path / "raw/README.txt").read_text() == "read"


def test_a_zip_in_a_zip(tmp_path):
    path = tmp_path / "outer.zip"
    inner = data_set(**{"__MACOSX/UCI HAR Dataset/._README.txt": "x"})
    path.write_bytes(zipped({"har.names": "about", "UCI HAR Dataset.zip": inner}))
    assert unpack(path, tmp_path / "raw") == set(FILES)


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/etc/evil.txt", "a/../../evil.txt", "..\\evil.txt", "C:/evil.txt"]
)
@pytest.mark.parametrize("nested", [False, True])
def test_names_that_leave_the_folder_are_refused(tmp_path, name, nested):
    content = data_set(**{name: "evil"})
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"inner.zip": content}) if nested else content)
    with pytest.raises(HarError, match="would leave the folder"):
        unpack(path, tmp_path / "raw")
    assert not list(tmp_path.rglob("evil.txt"))


@pytest.mark.parametrize("nested", [False, True])
def test_an_absurd_size_is_refused(tmp_path, monkeypatch, nested):
    monkeypatch.setattr(archive, "MAX_UNPACKED", 100_000)
    content = data_set()  # 250,000 bytes of text
    path = tmp_path / "bomb.zip"
    path.write_bytes(zipped({"inner.zip": content}) if nested else content)
    with pytest.raises(HarError, match="would unpack to 250,004 bytes"):
        unpack(path, tmp_path / "raw")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_a_cut_off_zip_is_one_line(tmp_path, keep):
    path, whole = tmp_path / "a.zip", data_set()
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(HarError, match="cannot be read as a zip archive"):
        unpack(path, tmp_path / "raw")


def test_changed_bytes_are_noticed(tmp_path):
    path = tmp_path / "a.zip"
    changed = bytearray(zipped({"README.txt": "r" * 999, "train/y.txt": "1" * 999}, 0))
    changed[500] ^= 1
    path.write_bytes(changed)
    with pytest.raises(HarError, match="cannot be read as a zip archive.*CRC"):
        unpack(path, tmp_path / "raw")


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_damage_of_any_kind_is_one_line(tmp_path, compression):
    rng = np.random.default_rng(0)
    members = {"README.txt": "read", "train/y.txt": rng.bytes(3000)}
    whole, path = zipped(members, compression), tmp_path / "a.zip"
    refused = 0
    for at in rng.choice(len(whole), 60, replace=False).tolist():
        damaged = bytearray(whole)
        damaged[at : at + 20] = rng.bytes(len(damaged[at : at + 20]))
        path.write_bytes(damaged)
        try:
            unpack(path, tmp_path / "raw")
        except HarError as error:
            refused += 1
            assert "\n" not in str(error) and "None" not in str(error)
        else:  # it was in what nobody needs
            assert (tmp_path / "raw/train/y.txt").read_bytes() == members["train/y.txt"]
    assert refused > 30


def test_a_zip_without_a_needed_file_says_which(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"top/train/y.txt": "1"}))
    with pytest.raises(HarError, match=r"lacks README.txt"):
        unpack(path, tmp_path / "raw")


def test_a_full_disk_is_not_the_archives_fault(server, tmp_path, monkeypatch):
    """It ends the search: another source, or simulated recordings, would not help."""
    local = tmp_path / "local"
    local.mkdir()
    (local / "mine.zip").write_bytes(data_set())

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left on device") as raised:
        obtain(
            (server.archive(),),
            lambda path: unpack(path, tmp_path / "out"),
            local,
            tmp_path / "downloads",
        )
    assert raised.value.filename.endswith("README.txt")
    assert server.ranges == []


def test_a_folder_without_a_zip_is_named(tmp_path):
    (tmp_path / "archive.rar").write_bytes(b"")
    with pytest.raises(ArchiveUnavailable, match=r"holds no file that ends in .zip"):
        obtain((), lambda path: path, tmp_path, tmp_path / "downloads")
