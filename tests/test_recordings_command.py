import subprocess
import sys

import numpy as np
import pytest
from conftest import archive
from test_hapt import local  # noqa: F401

from har.__main__ import main
from har.data import phone_files
from har.signals.recordings import ACTIVITIES, NO_ACTIVITY, UCI_HAR_ACTIVITIES, in_words


def run(monkeypatch, capsys, *arguments):
    """The command's exit code or message, and its output."""
    monkeypatch.setattr(sys, "argv", ["har", "recordings", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr().out


def test_a_recording_of_each_test_subject(monkeypatch, capsys, tmp_path, local):  # noqa: F811
    code, said = run(monkeypatch, capsys, tmp_path / "to", "--archives", local)
    assert not code
    assert "9 recordings" in said
    samples = phone_files.read(tmp_path / "to" / "hapt_subject02.csv")
    np.testing.assert_allclose(samples.times, np.arange(20) / 50)
    np.testing.assert_allclose(samples.acceleration[3], [0.5, -0.25, 0.1])


@pytest.mark.parametrize(
    ("dataset", "file", "count"),
    [
        ("motion_sense", "motion_sense_subject101_pocket.csv", 24),
        ("usc_had", "usc_had_subject201_hip.csv", 14),
        ("dsads", "dsads_subject301_right_leg.csv", 40),
    ],
)
def test_of_each_person_and_placement_and_what_the_released_model_makes_of_one(
    monkeypatch, capsys, tmp_path, dataset, file, count
):
    """These people are among those that it learnt from: this is about files, rates and axes."""
    folder = archive(f"{dataset}.zip").parent
    code, said = run(
        monkeypatch, capsys, tmp_path / "to", "--dataset", dataset, "--archives", folder
    )
    assert not code
    assert f"{count} recordings" in said
    assert len(list((tmp_path / "to").iterdir())) == count
    samples = phone_files.read(tmp_path / "to" / file)
    gaps = np.diff(samples.times)
    assert (gaps > 0).all() and (gaps > 4).any()  # several trials, apart from each other
    done = subprocess.run(
        [sys.executable, "-m", "har", "predict", file, "--out", "out.csv"],
        cwd=tmp_path / "to",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    right = next(line for line in done.stderr.splitlines() if line.startswith("right: "))
    assert float(right.split()[1].rstrip("%")) > 95


def test_simulated_ones_where_there_is_no_archive(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr("har.data.archive.time.sleep", lambda _: None)
    downloads = ("--downloads", tmp_path / "downloads")
    code, _ = run(monkeypatch, capsys, tmp_path / "to", "--archives", tmp_path, *downloads)
    assert "HAPT is not available" in code
    assert "--simulate" in code
    assert not (tmp_path / "to").exists()
    code, _ = run(monkeypatch, capsys, tmp_path / "to", "--simulate")
    assert not code
    written = sorted((tmp_path / "to").iterdir())
    assert len(written) == 9
    samples = phone_files.read(written[0])
    assert {*samples.activity} == {*range(len(UCI_HAR_ACTIVITIES)), NO_ACTIVITY}
    assert abs(np.median(np.linalg.norm(samples.acceleration, axis=1)) - 1) < 0.1


def test_a_file_is_no_place_for_recordings(monkeypatch, capsys, tmp_path):
    (tmp_path / "to").write_text("kept")
    code, _ = run(monkeypatch, capsys, tmp_path / "to", "--simulate")
    assert "to is a file: name a folder" in code
    assert (tmp_path / "to").read_text() == "kept"


def test_activities_in_words():
    assert [in_words(each) for each in ACTIVITIES] == [
        "walking",
        "walking upstairs",
        "walking downstairs",
        "sitting",
        "standing",
        "lying",
        "running",
    ]
    assert in_words("not known") == "not known"
