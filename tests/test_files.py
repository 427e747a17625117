from pathlib import Path

import pytest

from har.errors import HarError
from har.files import replacing_file, replacing_folder


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
