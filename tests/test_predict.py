import io
import os
import re
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_bundle import framed_bundle, simple_bundle

from har.data import phone_files
from har.errors import HarError
from har.model import bundle, postures
from har.recognition.recognizer import Recognizer
from har.signals.recordings import ACTIVITIES, UCI_HAR_ACTIVITIES
from har.signals.sensors import MOUNTINGS, STANDARD_GRAVITY

PROJECT = Path(__file__).parent.parent
TIMES = np.arange(1500) / 50
GRAVITY = np.where(TIMES[:, None] < 15, [1.0, 0, 0], [0, 0.7, 0.7])
WAVES = np.sin(TIMES[:, None] * [7, 9, 11])
ACCELERATION, ANGULAR_RATE = GRAVITY + 0.1 * WAVES, 0.5 * WAVES


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A bundle and a recording."""
    folder = tmp_path_factory.mktemp("predict")
    bundle.save(folder / "models", simple_bundle(limit=1e6))
    bundle.save(folder / "framed", framed_bundle())
    bundle.save(folder / "accelerometer", framed_bundle(gyroscope=False))
    labels = np.where(TIMES < 15, ACTIVITIES.index("STANDING"), ACTIVITIES.index("LAYING"))
    phone_files.write(folder / "walk.csv", TIMES, ACCELERATION, ANGULAR_RATE, labels)
    phone_files.write(folder / "alone.csv", TIMES, ACCELERATION, None, labels)
    return folder


def run(folder, *arguments, standard_input=None, model="models", **environment):
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "har",
            "predict",
            *map(str, arguments),
            "--model",
            model,
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT)} | environment,
        input=standard_input,
        capture_output=True,
        text=not isinstance(standard_input, bytes),
        timeout=120,
    )


@pytest.fixture
def here(folder, monkeypatch, capsys):
    """The command in this process: from arguments to what it wrote and said."""
    from typer.main import get_command

    from har.__main__ import app

    monkeypatch.chdir(folder)

    def predict(*arguments, model="models"):
        given = ["predict", *map(str, arguments), "--model", model]
        get_command(app).main(given, standalone_mode=False)
        written = capsys.readouterr()
        table = pd.read_csv(io.StringIO(written.out)) if written.out else None
        return table, written.err

    return predict


def by_recognizer(folder, **settings):
    recognizer = Recognizer(bundle.load(folder / "models"), **settings)
    return recognizer.push(recognizer.stream(), TIMES, ACCELERATION, ANGULAR_RATE)


def assert_same(table, predictions, tolerance=2e-5):
    assert table.time_s.tolist() == pytest.approx([each.time for each in predictions], abs=1e-3)
    expected = np.array([each.probabilities for each in predictions])
    np.testing.assert_allclose(table[list(UCI_HAR_ACTIVITIES)], expected, atol=tolerance)
    assert table.activity.tolist() == [each.activity for each in predictions]
    assert table.known.tolist() == [each.known for each in predictions]
    np.testing.assert_allclose(
        table.probability, [each.probability for each in predictions], atol=tolerance
    )


def test_a_file_of_rows_is_utf_8_in_every_locale(folder, tmp_path):
    names = ["zu Fuß.csv", "後.csv"]
    for name in names:
        (tmp_path / name).write_bytes((folder / "walk.csv").read_bytes())
    ascii_alone = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    options = {"model": str(folder / "models"), **ascii_alone}
    done = run(tmp_path, *names, "--out", "made.csv", **options)
    assert done.returncode == 0, done.stderr
    assert set(pd.read_csv(tmp_path / "made.csv").recording) == set(names)
    shown = run(tmp_path, *names, **options)
    assert shown.returncode == 0, shown.stderr
    escaped = {r"zu Fu\xdf.csv", r"\u5f8c.csv"}
    assert set(pd.read_csv(io.StringIO(shown.stdout)).recording) == escaped


def test_the_table_is_what_the_recognizer_says(here, folder):
    table, said = here("walk.csv")
    assert list(table) == [
        "time_s",
        "activity",
        "probability",
        "known",
        "novelty",
        *UCI_HAR_ACTIVITIES,
    ]
    assert_same(table, by_recognizer(folder))
    assert "walk.csv: 30 s, 1,500 samples" in said
    # Without a gap, windows of 2.56 s that overlap by half.
    assert len(table) == 22


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["--hop", "0.5"], {"hop": 25}),
        (["--no-smoothing"], {"smoothing": False}),
        (["--threshold", "0.99"], {"threshold": 0.99}),
    ],
)
def test_settings_reach_the_recognizer(here, folder, arguments, settings):
    assert_same(here("walk.csv", *arguments)[0], by_recognizer(folder, **settings))


def test_accuracy_and_time_of_each_activity_are_told(here):
    table, said = here("walk.csv", "--no-smoothing")
    expected = np.where(table.time_s - 1.28 < 15, "STANDING", "LAYING")
    assert f"right: {(table.activity == expected).mean():.1%} of the 22 windows" in said
    for activity, count in table[table.known].activity.value_counts().items():
        name = "lying" if activity == "LAYING" else activity.lower().replace("_", " ")
        line = next(line for line in said.splitlines() if line.startswith(f"  {name}  "))
        assert line.rstrip().endswith(f"{count / 22:.1%}")


def test_how_the_phone_is_worn_and_its_units(here, folder, tmp_path):
    """The same recording from a phone worn top up, in m/s2 and deg/s, is recognised alike."""
    rotation = MOUNTINGS["top-up"]
    heading = "time,ax (m/s^2),ay (m/s^2),az (m/s^2),wx (deg/s),wy (deg/s),wz (deg/s)"
    phones = np.column_stack(
        [
            TIMES,
            ACCELERATION @ rotation * STANDARD_GRAVITY,
            ANGULAR_RATE @ rotation * 180 / np.pi,
        ]
    )
    np.savetxt(tmp_path / "a.csv", phones, delimiter=",", header=heading, comments="")
    table, _ = here(tmp_path / "a.csv", "--mounting", "top-up")
    assert_same(table, by_recognizer(folder))
    turned, _ = here(tmp_path / "a.csv")
    assert not np.allclose(
        turned[list(UCI_HAR_ACTIVITIES)], table[list(UCI_HAR_ACTIVITIES)], atol=1e-3
    )


def test_standing_still_says_what_is_up(here, tmp_path):
    rotation = MOUNTINGS["top-up"]
    still = np.where(TIMES[:, None] < 6, 0.01, 1)
    acceleration = GRAVITY + 0.1 * WAVES * still
    rates = ANGULAR_RATE * still
    phone_files.write(tmp_path / "up.csv", TIMES, acceleration, rates)
    phone_files.write(tmp_path / "a.csv", TIMES, acceleration @ rotation, rates @ rotation)
    straight, _ = here(tmp_path / "up.csv")
    table, _ = here(tmp_path / "a.csv", "--stand", "1:5")
    np.testing.assert_allclose(
        table[list(UCI_HAR_ACTIVITIES)], straight[list(UCI_HAR_ACTIVITIES)], atol=0.05
    )


def test_standing_still_makes_up_for_a_phone_askew_in_its_mounting(here, tmp_path):
    """Ten degrees from top up, screen in: standing alone could not tell which way it faces."""
    still = np.where(TIMES[:, None] < 6, 0.01, 1)
    acceleration = GRAVITY + 0.1 * WAVES * still
    rates = ANGULAR_RATE * still
    cosine, sine = np.cos(np.radians(10)), np.sin(np.radians(10))
    askew = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    worn = askew @ MOUNTINGS["top-up-screen-in"]
    phone_files.write(tmp_path / "up.csv", TIMES, acceleration, rates)
    phone_files.write(tmp_path / "a.csv", TIMES, acceleration @ worn, rates @ worn)

    def probabilities(*arguments):
        return here(*arguments, "--no-smoothing")[0][list(UCI_HAR_ACTIVITIES)].to_numpy()

    expected = probabilities(tmp_path / "up.csv")
    mounting, stand = ("--mounting", "top-up-screen-in"), ("--stand", "1:5")
    given = {
        "both": (*mounting, *stand),
        "mounting": mounting,
        "stand": stand,
    }
    apart = {
        name: np.abs(probabilities(tmp_path / "a.csv", *options) - expected).max()
        for name, options in given.items()
    }
    assert apart["both"] < 0.05
    assert min(apart["mounting"], apart["stand"]) > 3 * apart["both"]


def test_out_and_plot(here, folder, tmp_path):
    table, _ = here("walk.csv", "--out", tmp_path / "new" / "t.csv", "--plot", tmp_path / "p.png")
    assert table is None
    assert_same(pd.read_csv(tmp_path / "new" / "t.csv"), by_recognizer(folder))
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["new", "p.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "FILE is missing"),
        (["nothere.csv"], "nothere.csv: No such file"),
        (["walk.csv", "--follow"], "leave out FILE"),
        (["--follow", "--stand", "1:2"], "need the whole recording"),
        (["walk.csv", "--mounting", "pocket"], "should be one of right-edge-up"),
        (["walk.csv", "--mounting", ""], "should be one of right-edge-up"),
        (["walk.csv", "--mounting", "pocket", "--stand", "1:2"], "should be one of right-edge-up"),
        (["walk.csv", "--stand", "soon"], "should be START:END"),
        (["walk.csv", "--stand", "90:95"], "the recording has 0.0 to 30.0 s"),
        (["walk.csv", "--hop", "0"], "--hop 0.0: should be 0.02 to 3600 seconds"),
        (["walk.csv", "--hop", "nan"], "should be 0.02 to 3600 seconds"),
        (["walk.csv", "--hop", "4000"], "--hop 4000.0: should be 0.02 to 3600 seconds"),
        (["walk.csv", "--threshold", "2"], "--threshold 2.0: should be between 0 and 1"),
        (["walk.csv", "--acc", "a,b"], "should be three headings"),
        (["walk.csv", "--plot", "a.gif"], "should end in .png"),
        (["walk.csv", "--acc-unit", "m/s2", "--out", "t.csv"], "is in g and not in m/s2|in m/s2"),
        (["models"], "holds no CSV file"),
        (["walk.csv", "--out", "walk.csv"], "walk.csv is the recording"),
        (["walk.csv", "--out", "models/../walk.csv"], "walk.csv is the recording"),
        (["walk.csv", "--out", "a.png", "--plot", "./a.png"], "--out and --plot are both a.png"),
        (["walk.csv", "--out", "t.csv", "--plot", "walk.csv/a.png"], "walk.csv: "),
        (["walk.csv", "--plot", "a.png", "--out", "walk.csv/t.csv"], "walk.csv: "),
        (["walk.csv", "--out", "loop"], "loop is a loop of symbolic links"),
        (["alone.csv"], r"no angular rate in it: .* windowing.channels=\[total_acc\] does without"),
        (["/dev/null"], "from a pipe, - reads standard input"),
    ],
)
def test_mistakes_are_one_line(here, folder, arguments, message):
    loop = folder / "loop"
    loop.symlink_to("loop")
    try:
        with pytest.raises((HarError, OSError)) as caught:
            here(*arguments)
    finally:
        loop.unlink()
    told = str(caught.value)
    if isinstance(caught.value, OSError):
        told = f"{caught.value.filename}: {caught.value.strerror}"
    assert re.search(message, told), told
    assert "\n" not in told
    there = ["accelerometer", "alone.csv", "framed", "models", "walk.csv"]
    assert sorted(each.name for each in folder.iterdir()) == there


@pytest.mark.parametrize("option", [("--mounting", "top-up"), ("--stand", "1:2")])
def test_a_mounting_is_not_for_a_model_that_needs_none(here, option):
    with pytest.raises(HarError, match=f"^{option[0]}: this model takes the phone however it is"):
        here("walk.csv", *option, model="framed")


def test_acceleration_alone_is_enough_for_a_model_of_acceleration_alone(here, tmp_path):
    plot = ("--plot", tmp_path / "a.png")
    table, said = here("alone.csv", *plot, model="accelerometer")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "angular" not in said
    recognizer = Recognizer(framed_bundle(gyroscope=False))
    expected = recognizer.push(recognizer.stream(), TIMES, ACCELERATION)
    np.testing.assert_allclose(
        table.probability, [each.probability for each in expected], atol=1e-4
    )
    whole, _ = here("walk.csv", model="accelerometer")
    pd.testing.assert_frame_equal(whole, table)


def test_acceleration_alone_is_recognised_as_it_comes(folder):
    text = (folder / "alone.csv").read_text()
    done = run(folder, "-", standard_input=text, model="accelerometer")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 23


def test_still_is_in_the_table_and_the_summary_and_right_for_any_posture(here):
    table, said = here("walk.csv", "--no-smoothing", "--threshold", "0.9", model="framed")
    postures = table[["SITTING", "STANDING", "LAYING"]].sum(axis=1)
    still = table.activity == "STILL"
    assert 0 < still.sum() < len(table)
    assert (table.known[still] == (postures[still] >= 0.9)).all()
    assert table.known[still].any() and not table.known[still].all()
    np.testing.assert_allclose(table.probability[still], postures[still], atol=1e-5)
    assert not table.activity.isin(["SITTING", "STANDING", "LAYING"]).any()
    line = next(line for line in said.splitlines() if line.startswith("  still  "))
    assert line.rstrip().endswith(f"{(still & table.known).mean():.1%}")
    right = still | (table.activity == np.where(table.time_s - 1.28 < 15, "STANDING", "LAYING"))
    assert f"right: {right.mean():.1%} of the 22 windows that are mostly labelled; " in said
    known = right[table.known].mean()
    assert f"; {known:.1%} of the {table.known.sum()} known ones; still" in said
    assert "still counts as right for any posture" in said
    assert "still" not in here("walk.csv", "--no-smoothing")[1]


@pytest.mark.parametrize(
    ("made", "asked"),
    [
        (simple_bundle, "is the phone at the waist, and worn as --mounting says?"),
        (framed_bundle, "the model was trained on phones worn here: right arm, waist"),
    ],
)
def test_what_to_check_when_little_is_known_is_the_models(here, tmp_path, made, asked):
    bundle.save(tmp_path / "models", made(limit=1e-3))
    assert asked in here("walk.csv", model=str(tmp_path / "models"))[1]


def test_units_that_cannot_be_end_with_an_error_line_and_no_table(folder):
    done = run(folder, "walk.csv", "--acc-unit", "m/s2")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: walk.csv: the acceleration is 0.1 g long, less than")


def test_standard_input_is_recognised_alike(folder):
    done = run(folder, "-", standard_input=(folder / "walk.csv").read_text())
    assert done.returncode == 0, done.stderr
    assert_same(pd.read_csv(io.StringIO(done.stdout)), by_recognizer(folder))


def follow(folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "har", "predict", "--follow", "--model", "models", "--hop", "0.2"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    lines = (folder / "walk.csv").read_bytes().splitlines(keepends=True)
    process.stdin.write(b"".join(lines[:300]))
    process.stdin.flush()
    return process, lines


def test_too_few_rows_from_standard_input_leave_the_table_of_before(folder, tmp_path):
    out = tmp_path / "old.csv"
    out.write_text("old")
    lines = (folder / "walk.csv").read_text().splitlines(keepends=True)
    done = run(folder, "--follow", "--out", str(out), standard_input="".join(lines[:60]))
    assert done.returncode == 1
    assert "error: standard input: a window needs" in done.stderr
    assert out.read_text() == "old"


def test_rows_come_as_samples_do_and_ctrl_c_ends_it(folder):
    process, lines = follow(folder)
    heading = process.stdout.readline()
    first = process.stdout.readline()  # while standard input is still open
    assert heading.startswith(b"time_s,activity") and first.startswith(b"2.540,")
    process.stdin.write(b"not a line of numbers\n" + b"".join(lines[300:400]))
    process.stdin.flush()
    rows = 1
    while not process.stdout.readline().startswith(b"7.940,"):
        rows += 1
    assert rows == 27  # every 0.2 s
    process.send_signal(2)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and out == b""
    assert b"rows left out: 1 in which a cell is no number" in err
    assert b"Traceback" not in err


def test_a_reader_that_stops_ends_it_quietly(folder):
    process, lines = follow(folder)
    process.stdout.readline()
    process.stdout.close()
    deadline = time.monotonic() + 60
    try:
        while process.poll() is None and time.monotonic() < deadline:
            process.stdin.write(b"".join(lines[300:]))
            process.stdin.flush()
    except BrokenPipeError:
        pass
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


class TestSeveral:
    """Recordings in one command."""

    @pytest.fixture
    def export(self, folder, tmp_path):
        """A zip of two recordings, and a file beside it that is none."""
        whole = (folder / "walk.csv").read_text().splitlines()
        with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
            archive.writestr("a/walk.csv", "\n".join(whole[:501]))
            archive.writestr("b/walk.csv", "\n".join([whole[0], *whole[1001:]]))
        (tmp_path / "notes.csv").write_text("a note\n")
        return tmp_path

    def test_each_is_recognised_by_itself_in_one_table(self, here, folder, export):
        table, said = here(export / "both.zip", "walk.csv", "--no-smoothing")
        names = [f"{export}/both.zip/a/walk.csv", f"{export}/both.zip/b/walk.csv", "walk.csv"]
        assert table.recording.unique().tolist() == names
        lines = said.splitlines()
        assert [sum(line.startswith(f"{name}: ") for line in lines) for name in names] == [1, 1, 1]
        whole = by_recognizer(folder, smoothing=False)
        assert_same(table[table.recording == "walk.csv"].reset_index(), whole)
        # The second part's filters settle anew, so only its own rows are compared.
        first = table[table.recording == names[0]]
        np.testing.assert_allclose(
            first[list(UCI_HAR_ACTIVITIES)],
            np.array([each.probabilities for each in whole[: len(first)]]),
            atol=2e-5,
        )
        assert table[table.recording == names[1]].time_s.min() > 20

    def test_what_is_none_does_not_keep_the_others(self, here, export):
        out = export / "t.csv"
        with pytest.raises(HarError, match="1 of 2 recordings could not be read, see above"):
            here(export / "notes.csv", "walk.csv", "--out", out)
        assert len(pd.read_csv(out)) == 22
        out.unlink()
        with pytest.raises(HarError, match="no recording could be read"):
            here(export / "notes.csv", export / "nothere.csv", "--out", out)
        assert not out.exists()

    def test_files_of_one_recording_are_not_recognised_twice(self, here, folder, tmp_path):
        table = pd.read_csv(folder / "walk.csv")
        axes = [f"{axis} ({{}})" for axis in "xyz"]
        for name, first, unit in (("Acceleration", "acc", "g"), ("Gyroscope", "gyro", "rad/s")):
            part = table[["time_s", *(each for each in table if each.startswith(first))]]
            part.columns = ["time (s)", *(each.format(unit) for each in axes)]
            part.to_csv(tmp_path / f"{name}.csv", index=False)
        rows, said = here(tmp_path / "Acceleration.csv", tmp_path / "Gyroscope.csv")
        assert_same(rows, by_recognizer(folder))
        assert said.count("1,500 samples") == 1

    def test_a_picture_is_of_one(self, here, export):
        with pytest.raises(HarError, match="--stand and --plot are for one recording"):
            here(export / "both.zip", "--plot", export / "p.png")


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_the_tables_form_is_that_of_its_ending(here, folder, tmp_path, ending):
    readers = {
        ".csv": pd.read_csv,
        ".jsonl": lambda path: pd.read_json(path, lines=True),
        ".parquet": pd.read_parquet,
    }
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    here("walk.csv", "--out", tmp_path / f"t{ending}")
    assert_same(readers[ending](tmp_path / f"t{ending}"), by_recognizer(folder))


def test_out_may_be_standard_output(here, folder):
    assert_same(here("walk.csv", "--out", "-")[0], by_recognizer(folder))


def test_the_rate_stands_for_times(here, folder, tmp_path):
    table = pd.read_csv(folder / "walk.csv").drop(columns="time_s")
    table.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(HarError, match="no column of times: say --rate HZ"):
        here(tmp_path / "a.csv")
    assert_same(here(tmp_path / "a.csv", "--rate", "50")[0], by_recognizer(folder))
    with pytest.raises(HarError, match="--rate 0: should be 1 to 10000"):
        here(tmp_path / "a.csv", "--rate", "0")


def test_where_most_is_not_known_other_units_are_tried(here, monkeypatch):
    """A model that knows nobody who turns fast; and one that knows nothing at all."""
    limited = Recognizer.recognize

    def turning_is_unknown(self, batches):
        fast = [np.abs(batch.signals[..., 3:6]).max(axis=(1, 2)) for _, batch in batches]
        return [
            [replace(each, known=bool(limit < 0.1)) for each, limit in zip(made, by, strict=False)]
            for made, by in zip(limited(self, batches), fast, strict=True)
        ]

    monkeypatch.setattr(Recognizer, "recognize", turning_is_unknown)
    assert "with --gyro-unit deg/s, 100% is known in a trial" in here("walk.csv")[1]
    said = here("walk.csv", "--gyro-unit", "deg/s")[1]
    assert "most of it" not in said
    monkeypatch.setattr(
        Recognizer,
        "recognize",
        lambda *given: [[replace(one, known=False) for one in each] for each in limited(*given)],
    )
    said = here("walk.csv")[1]
    assert "other signs and units (--flip, --gyro-unit deg/s" in said
    assert "do not help in a trial; is the phone at the waist" in said


def test_steps_and_pace_are_told(here, monkeypatch):
    limited = Recognizer.recognize
    monkeypatch.setattr(
        Recognizer,
        "recognize",
        lambda *given: [
            [replace(one, activity="WALKING", known=True) for one in each]
            for each in limited(*given)
        ],
    )
    said = here("walk.csv")[1]  # sways at 7, 9 and 11 rad/s along its axes
    line = next(line for line in said.splitlines() if line.startswith("  walking  "))
    steps, pace = re.search(r"100.0%  (\d+) steps, (\d+) a minute", line).groups()
    assert 0 < int(steps) <= int(pace) * 22 * 1.28 / 60 + 1
    assert 60 * 1.25 < int(pace) < 60 * 2.5


@pytest.mark.parametrize("name", [b"a$b$ {x}.csv", b"a\xff.csv"])
def test_odd_names_of_files(here, folder, tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes((folder / "walk.csv").read_bytes())
    here(path, "--plot", tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    here(path, "walk.csv", "--out", tmp_path / "t.csv")
    names = pd.read_csv(tmp_path / "t.csv").recording.unique()
    assert len(names) == 2 and names[0].encode().startswith(bytes(tmp_path) + b"/a")


@pytest.mark.parametrize("name", ["t.xlsx", "t.json"])
def test_a_table_of_another_kind_is_refused(here, name):
    with pytest.raises(HarError, match=rf"--out {name}: should end in .csv, .jsonl or .parquet"):
        here("walk.csv", "--out", name)


def test_a_placement_counts_from_the_first_window_of_a_file_in_which_somebody_walks(
    here, monkeypatch
):
    monkeypatch.setattr(postures, "SURE", 0.4)  # the network is untrained
    monkeypatch.setattr(postures, "NEEDED", 1.0)
    table, said = here("alone.csv", "--placement", "waist", model="accelerometer")
    assert "not told apart" not in said
    recognizer = Recognizer(framed_bundle(gyroscope=False))
    first = recognizer.stream(placement="waist")
    causal = recognizer.push(first, TIMES, ACCELERATION)
    up = first.posture.up
    again = recognizer.push(recognizer.stream(placement="waist", up=up), TIMES, ACCELERATION)
    assert table.activity.tolist() == [each.activity for each in again]
    assert not np.array_equal(again[0].probabilities, causal[0].probabilities)


def test_without_a_walk_a_placement_says_nothing(here, monkeypatch):
    monkeypatch.setattr(postures, "SURE", 2.0)
    told, said = here("alone.csv", "--placement", "waist", model="accelerometer")
    assert "postures are not told apart: nobody walks in it" in said
    pd.testing.assert_frame_equal(told, here("alone.csv", model="accelerometer")[0])


@pytest.mark.parametrize(
    ("model", "placement", "problem"),
    [
        ("framed", "head", "head: not a placement; it should be waist, hip, torso, arm"),
        ("models", "waist", "this model makes nothing of a placement: leave it out"),
    ],
)
def test_a_placement_that_the_model_does_not_know_is_one_line(here, model, placement, problem):
    with pytest.raises(HarError, match=problem):
        here("walk.csv", "--placement", placement, model=model)
