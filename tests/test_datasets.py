"""Readers of data sets, on small archives in the publishers' layouts, and on the real ones."""

import hashlib
import io
import tracemalloc
import zipfile
from collections import Counter
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from conftest import archive
from made_bundle import simple_bundle
from scipy.io import savemat

from har import params
from har.data import phone_files
from har.data.archive import unpack
from har.data.bouts import bouts_of, even_times
from har.data.datasets import DATASETS, chosen, dsads, motion_sense, usc_had
from har.data.datasets.sources import Sources
from har.data.loading import load_har_dataset, load_recordings, read_all
from har.data.windows import cut_windows
from har.errors import HarError
from har.recognition.recognizer import Recognizer
from har.signals.recordings import ACTIVITIES, NO_ACTIVITY, RawRecording
from har.signals.sensors import STANDARD_GRAVITY


def csv(rows, gravity, rotation, user):
    """A file of MotionSense's: every row alike."""
    values = [*(0.5,) * 3, *gravity, *rotation, *user]
    line = ",".join(map(str, values))
    heading = ",".join(motion_sense.COLUMNS)
    return heading + "\n" + "".join(f"{row},{line}\n" for row in range(rows))


def made_motion_sense():
    """Two people; a phone upside down in the pocket, rows before and after it is there."""
    files = [name for name in motion_sense.FILES if name.endswith(("sub_1.csv", "sub_2.csv"))]
    content = csv(450, [0.0, 0.96875, 0.25], [1.0, 2.0, 3.0], [0.25, 0.0, 0.0])
    return files, dict.fromkeys(files, content)


def made_usc_had():
    """One person; 200 samples at 100 Hz of every trial."""
    files = [name for name in usc_had.FILES if name.startswith("Subject3/")]
    content = mat(np.tile([1.0, 0.0, 0.0, 90.0, 0.0, -180.0], (200, 1)))
    return files, dict.fromkeys(files, content)


def mat(readings):
    buffer = io.BytesIO()
    savemat(buffer, {"sensor_readings": readings, "title": "USC-HAD"})
    return buffer.getvalue()


def made_dsads():
    """Two people, two files of 5 s an activity; the place is told by the acceleration's size."""
    files = [name for name in dsads.FILES if "/p3/" in name or ("/p1/" in name and "/a01/" in name)]
    files = [name for name in files if name.endswith(("s01.txt", "s02.txt"))]
    row = [
        value
        for unit in range(5)
        for value in ((unit + 1) * STANDARD_GRAVITY, 0, 0, 0.5, 0, 0, 9, 9, 9)
    ]
    content = (",".join(map(str, row)) + "\n") * 125
    others = {name.replace("/a01/", "/a19/"): content for name in files if "/a01/" in name}
    return files, dict.fromkeys(files, content) | others


MADE = {"motion_sense": made_motion_sense, "usc_had": made_usc_had, "dsads": made_dsads}


@pytest.fixture(params=MADE)
def made(request, tmp_path, monkeypatch):
    """Name of a data set, and a folder with a small archive of it, as if that were published."""
    name, module = request.param, DATASETS[request.param]
    return name, publish(name, module, tmp_path, monkeypatch)


def publish(name, module, tmp_path, monkeypatch):
    files, members = MADE[name]()
    monkeypatch.setattr(module, "FILES", tuple(files))
    if name == "usc_had":
        trials = [trial for trial in usc_had.TRIALS if trial[0] == 3]
        monkeypatch.setattr(usc_had, "TRIALS", trials)
    if name == "dsads":
        monkeypatch.setattr(dsads, "SEGMENTS", 2)
    local, unpacked = tmp_path / "local", tmp_path / "unpacked"
    local.mkdir()
    with zipfile.ZipFile(local / "mine.zip", "w", zipfile.ZIP_LZMA) as new:
        for member, content in members.items():
            new.writestr(f"some folder/{member}", content)
    unpack(local / "mine.zip", files, unpacked)
    digest = hashlib.sha256()
    for _ in module.read_raw(unpacked, digest):
        pass
    monkeypatch.setattr(module, "SHA256", digest.hexdigest())
    monkeypatch.setenv("HAR_ARCHIVE_DIR", str(local))
    monkeypatch.setattr("har.data.archive.download", no_network)
    return local


def no_network(one, *_):
    raise HarError(f"{one.url}: cannot be reached")


def test_what_is_known_of_each_is_said():
    for name, dataset in DATASETS.items():
        assert dataset.TITLE and dataset.LICENCE, name
        assert bool(dataset.CITATION) == bool(dataset.ARCHIVES), name
        assert dataset.__name__ == f"har.data.datasets.{name}"


def test_settings_name_them_all():
    assert tuple(DATASETS) == params.DATASETS


def test_no_two_people_have_one_number():
    same_people = set(params.SAME_PEOPLE)
    assert {DATASETS[name].SUBJECTS for name in same_people} == {DATASETS["uci_har"].SUBJECTS}
    counted = Counter(
        subject
        for name in {*DATASETS} - same_people | {"uci_har"}
        for subject in DATASETS[name].SUBJECTS
    )
    assert set(counted.values()) == {1}


@pytest.mark.parametrize("names", [["uci_har", "hapt"], ["hapt", "dsads", "simulated"]])
def test_the_same_people_are_not_used_twice(names):
    with pytest.raises(HarError, match=f"{names[0]} and {names[-1]} cannot be used together"):
        chosen(names)


def test_an_unknown_name_is_one_line():
    with pytest.raises(HarError, match=r"^names=.*'wisdm' is none of uci_har, hapt, "):
        chosen(["uci_har", "wisdm"])


class TestMotionSense:
    @pytest.fixture
    def recordings(self, tmp_path, monkeypatch):
        publish("motion_sense", motion_sense, tmp_path, monkeypatch)
        return load_recordings("motion_sense", folder=tmp_path / "raw")

    def test_signs_are_those_of_android(self, recordings):
        total_acc = recordings[0].signals[50:, 6:]
        np.testing.assert_allclose(
            total_acc, [[-0.25, -0.96875, -0.25]] * len(total_acc), atol=1e-3
        )

    def test_ends_and_the_copy_are_left_out(self, recordings):
        # 100 samples at each end, and the last one waits for the median.
        assert {len(each.signals) for each in recordings} == {249}
        assert len(recordings) == 2 * 15 - 1
        sitting = [each.subject for each in recordings if ACTIVITIES[each.activity] == "SITTING"]
        assert sorted(sitting) == [101, 102, 102]

    def test_jogging_is_running(self, recordings):
        counts = Counter(ACTIVITIES[each.activity] for each in recordings)
        assert counts["RUNNING"] == 4
        assert counts["WALKING"] == counts["WALKING_UPSTAIRS"] == counts["WALKING_DOWNSTAIRS"] == 6
        assert "LAYING" not in counts
        assert {(each.placement, each.device) for each in recordings} == {("pocket", "iPhone 6s")}

    def test_a_file_cut_short_is_named(self, tmp_path, monkeypatch):
        publish("motion_sense", motion_sense, tmp_path, monkeypatch)
        path = tmp_path / "unpacked" / motion_sense.FILES[3]
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:150]))
        with pytest.raises(HarError, match="has only 149 rows: it is cut short"):
            motion_sense.read(tmp_path / "unpacked")
        path.write_text("a,b\n1,2\n")
        with pytest.raises(HarError, match="has not the headings that were published"):
            motion_sense.read(tmp_path / "unpacked")


class TestUscHad:
    @pytest.fixture
    def folder(self, tmp_path, monkeypatch):
        publish("usc_had", usc_had, tmp_path, monkeypatch)
        return tmp_path / "unpacked"

    def test_degrees_become_radians_and_100_hz_50(self, folder):
        assert {len(each.signals) for each in usc_had.read(folder)[0]} == {99}
        raw = next(usc_had.read_raw(folder, hashlib.sha256()))
        np.testing.assert_allclose(raw.angular_rate[5], [np.pi / 2, 0, -np.pi])
        assert raw.acceleration[5].tolist() == [1, 0, 0]
        assert raw.times[100] == 1

    def test_what_has_no_name_here_is_left_out(self, folder):
        recordings, _ = usc_had.read(folder)
        counts = Counter(ACTIVITIES[each.activity] for each in recordings)
        assert counts == {
            "WALKING": 15,
            **dict.fromkeys(
                ["WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "RUNNING", "SITTING", "STANDING"], 5
            ),
            "LAYING": 5,
        }
        assert {each.subject for each in recordings} == {203}

    @pytest.mark.parametrize(
        ("content", "says"), [(b"", "damaged"), (b"no", "damaged"), (None, "is missing")]
    )
    def test_a_damaged_file_is_named(self, folder, content, says):
        path = folder / usc_had.FILES[7]
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(HarError, match=f"a2t3.mat.*{says}") as caught:
            usc_had.read(folder)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("readings", [np.zeros((5, 5)), np.full((5, 6), np.nan), None])
    def test_other_content_is_named(self, folder, readings):
        named = "other" if readings is None else "sensor_readings"
        content = np.zeros(3) if readings is None else readings
        savemat(folder / usc_had.FILES[0], {named: content})
        with pytest.raises(HarError, match=r"a1t1\.mat"):
            usc_had.read(folder)


class TestDsads:
    @pytest.fixture
    def recordings(self, tmp_path, monkeypatch):
        publish("dsads", dsads, tmp_path, monkeypatch)
        return load_recordings("dsads", folder=tmp_path / "raw")

    def test_each_unit_is_a_recording_in_g_at_50_hz(self, recordings):
        assert [each.placement for each in recordings[:5]] == list(dsads.PLACEMENTS)
        for unit, each in enumerate(recordings[:5]):
            # Two files of 125 rows on end: 10 s, less the last sample at 25 and at 50 Hz.
            assert each.signals.shape == (498, 9)
            np.testing.assert_allclose(each.signals[:, 6], unit + 1, rtol=1e-5)

    def test_people_and_activities_do_not_join(self, recordings):
        walks = [each for each in recordings if ACTIVITIES[each.activity] == "WALKING"]
        assert len(walks) == 2 * 5  # in the car park and on the treadmill
        assert Counter(each.subject for each in recordings) == {301: 5, 303: 45}

    def test_a_file_cut_short_is_named(self, tmp_path, monkeypatch):
        publish("dsads", dsads, tmp_path, monkeypatch)
        path = tmp_path / "unpacked" / dsads.FILES[1]
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:100]))
        with pytest.raises(HarError, match="s02.txt has 100 rows, not 125: it is cut short"):
            dsads.read(tmp_path / "unpacked")


OTHER = {
    "motion_sense": lambda first: first.replace(b"0.25", b"0.26"),
    "usc_had": lambda _: mat(np.tile([1.0, 0.0, 0.0, 90.0, 0.0, -181.0], (200, 1))),
    "dsads": lambda first: first.replace(b",0.5,", b",0.6,"),
}
"""How the first file of another version differs."""


def test_another_version_is_refused_and_nothing_is_left(made, tmp_path):
    name, local = made
    with zipfile.ZipFile(local / "mine.zip") as old, zipfile.ZipFile(local / "a.zip", "w") as new:
        members = {each: old.read(each) for each in old.namelist()}
        first = f"some folder/{DATASETS[name].FILES[0]}"
        members[first] = OTHER[name](members[first])
        for each, content in members.items():
            new.writestr(each, content)
    (local / "mine.zip").unlink()
    with pytest.raises(HarError, match=r"a\.zip: .*not those that were published"):
        load_recordings(name, folder=tmp_path / "raw")
    assert not (tmp_path / "raw" / name).exists()


def test_half_an_archive_says_what_is_missing(made, tmp_path):
    name, local = made
    missing = DATASETS[name].FILES[0]
    with zipfile.ZipFile(local / "mine.zip") as old, zipfile.ZipFile(local / "a.zip", "w") as new:
        for each in old.namelist():
            if not each.endswith(missing):
                new.writestr(each, old.read(each))
    (local / "mine.zip").unlink()
    with pytest.raises(
        HarError, match=rf"a\.zip lacks some folder/{missing}|a\.zip lacks {missing}"
    ):
        load_recordings(name, folder=tmp_path / "raw")


def test_several_sets_are_one_after_the_other(tmp_path, monkeypatch):
    publish("dsads", dsads, tmp_path, monkeypatch)
    data = load_har_dataset(["dsads", "simulated"], folder=tmp_path / "raw", seconds=3)
    assert data.activities == ACTIVITIES
    assert data.train.source == "dsads+simulated"
    both = data.train
    named = data.train.activities[both.label]
    assert set(named[both.dataset == "simulated"]) == set(ACTIVITIES[:6])
    assert (both.placement[both.dataset == "simulated"] == "waist").all()
    assert set(both.device[both.dataset == "dsads"]) == {"Xsens MTx"}
    assert set(data.test.dataset) == {"simulated"}
    alone = load_har_dataset("simulated", folder=tmp_path / "raw", seconds=3)
    assert alone.activities == ACTIVITIES[:6]
    assert alone.train.dataset_digest != both.dataset_digest


def test_a_set_without_test_people_of_its_own_needs_some_named(tmp_path, monkeypatch):
    publish("dsads", dsads, tmp_path, monkeypatch)
    with pytest.raises(HarError, match=r"no test subject has .* name some by split\.test_subjects"):
        load_har_dataset("dsads", folder=tmp_path / "raw")
    data = load_har_dataset("dsads", folder=tmp_path / "raw", test_subjects=[303])
    assert set(data.test.subject) == {303}
    assert data.activities == (
        "WALKING",
        "WALKING_UPSTAIRS",
        "WALKING_DOWNSTAIRS",
        "SITTING",
        "STANDING",
        "LAYING",
        "RUNNING",
    )


def test_a_folder_of_something_else_is_one_line(tmp_path):
    (tmp_path / "dsads").mkdir()
    with pytest.raises(HarError, match=r"does not hold Daily and Sports Activities \(.*is missing"):
        read_all({"dsads": tmp_path / "dsads"})


class TestRecordings:
    """A person's own."""

    @staticmethod
    def write(path, names, rate=50.0, seconds=20.0):
        times = np.arange(round(rate * seconds)) / rate
        codes = [ACTIVITIES.index(name) if name else NO_ACTIVITY for name in names]
        labels = np.repeat(codes, -(-len(times) // len(names)))[: len(times)]
        up = np.tile([0.0, 1.0, 0.0], (len(times), 1))
        phone_files.write(path, times, up, np.zeros_like(up), labels)

    @pytest.fixture
    def own(self, tmp_path):
        own = tmp_path / "own"
        self.write(own / "ben" / "walk.csv", ["WALKING", "", "RUNNING"], rate=100)
        self.write(own / "anna" / "pocket" / "b.csv", ["SITTING"])
        self.write(own / "anna" / "waist" / "a.csv", ["STANDING"])
        self.write(own / "c.csv", ["LAYING", "STANDING"])
        (own / "README.md").write_text("not a recording")
        (own / ".hidden.csv").write_text("neither")
        return own

    def test_people_and_placements_are_told_by_the_folders(self, own):
        recordings = load_recordings("recordings", recordings=own)
        assert [(each.subject, each.placement) for each in recordings] == [
            (1002, "pocket"),
            (1002, "waist"),
            (1003, ""),
            (1003, ""),
            (1001, ""),
            (1001, ""),
        ]
        names = [ACTIVITIES[each.activity] for each in recordings]
        assert names == ["SITTING", "STANDING", "WALKING", "RUNNING", "LAYING", "STANDING"]
        assert {each.dataset for each in recordings} == {"recordings"}
        assert [len(each.signals) for each in recordings[:2]] == [999, 999]
        np.testing.assert_allclose(recordings[0].signals[50:, 7], 1, atol=1e-5)

    def test_the_digest_is_of_the_values_and_their_places(self, own):
        def digest():
            windows = load_har_dataset("recordings", recordings=own, test_subjects=[1001])
            return windows.train.dataset_digest

        first = digest()
        assert digest() == first
        (own / "anna" / "pocket" / "b.csv").rename(own / "anna" / "waist" / "b.csv")
        assert digest() != first

    def test_units_and_signs_of_a_logger_are_read(self, tmp_path):
        times = np.arange(500) / 50
        lines = ["seconds,acc_x (m/s^2),acc_y (m/s^2),acc_z (m/s^2),gyro_x,gyro_y,gyro_z,label"]
        lines += [f"{t},0,0,9.80665,0.5,0,0,walking upstairs" for t in times]
        (tmp_path / "log.csv").write_text("\n".join(lines))
        (one,) = load_recordings("recordings", recordings=tmp_path)
        assert ACTIVITIES[one.activity] == "WALKING_UPSTAIRS"
        np.testing.assert_allclose(one.signals[50:, 8], 1, atol=1e-5)

    def test_what_no_phone_measures_is_left_out(self, own):
        path = own / "c.csv"
        lines = path.read_text().splitlines()
        lines[100] = "1.98,0,500,0,0,0,0,LAYING"
        lines[200:200] = [lines[150]] * 3  # a clock that was set back
        path.write_text("\n".join(lines))
        changed = [
            each for each in load_recordings("recordings", recordings=own) if each.subject == 1001
        ]
        assert [len(each.signals) for each in changed] == [500, 499]
        np.testing.assert_allclose(changed[0].signals[50:, 7], 1, atol=1e-5)

    @pytest.mark.parametrize(
        ("files", "says"),
        [
            ({}, r"own has no recording \(.csv or .zip\): put some there"),
            ({"a.csv": "1,2\n"}, r"own/a\.csv: "),
            ({"p/w/deep/a.csv": ""}, r"deep/a\.csv: recordings lie in .*/PERSON/PLACEMENT/"),
        ],
    )
    def test_what_is_wrong_is_one_line_that_names_it(self, tmp_path, files, says):
        for name, content in files.items():
            (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "own" / name).write_text(content)
        with pytest.raises(HarError, match=says) as caught:
            load_recordings("recordings", recordings=tmp_path / "own")
        assert "\n" not in str(caught.value)

    def test_without_labels_there_is_nothing_to_learn(self, own):
        self.write(own / "d.csv", [""])
        with pytest.raises(HarError, match=r"own/d\.csv has no column `activity` with any of WALK"):
            load_recordings("recordings", recordings=own)

    def test_they_are_fetched_one_at_a_time(self, tmp_path):
        """However many there are: what was read of one is let go before the next."""

        def peak(count):
            own = tmp_path / f"own{count}"
            for number in range(count):
                self.write(own / f"{number}.csv", ["WALKING"], seconds=300)
            folder = Path(mkdtemp(dir=tmp_path))
            tracemalloc.start()
            DATASETS["recordings"].fetch(folder, Sources(tmp_path, recordings=own))
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return most

        peak(1)  # what is loaded the first time stays
        assert peak(9) < 1.2 * peak(1)

    def test_one_person_alone_is_told_so(self, tmp_path):
        self.write(tmp_path / "own" / "anna" / "pocket" / "b.csv", ["SITTING"])
        with pytest.raises(HarError, match="one person alone"):
            load_har_dataset("recordings", recordings=tmp_path / "own")

    def test_they_join_another_data_set(self, own):
        data = load_har_dataset(["simulated", "recordings"], seconds=3, recordings=own)
        assert {1001, 1002, 1003} < set(data.train.subject)
        assert data.activities == ACTIVITIES
        assert set(data.test.dataset) == {"simulated"}


class TestBouts:
    """From a raw recording to bouts."""

    @staticmethod
    def raw(rate=100.0, seconds=30.0, **more):
        rng = np.random.default_rng(0)
        times = even_times(round(rate * seconds), rate)
        waves = np.sin(times[:, None] * [7, 9, 11])
        made = {
            "subject": 5,
            "times": times,
            "acceleration": [1.0, 0, 0] + 0.1 * waves + rng.normal(0, 0.01, waves.shape),
            "angular_rate": 0.5 * waves,
            "activity": np.full(len(times), 3),
            "placement": "pocket",
        }
        return RawRecording(**made | more)

    @pytest.mark.parametrize("rate", [25.0, 50.0, 100.0, 61.7])
    def test_windows_are_those_that_live_recognition_sees(self, rate):
        raw = self.raw(rate)
        recognizer = Recognizer(simple_bundle())
        stream = recognizer.stream()
        live = stream.push(raw.times, raw.acceleration, raw.angular_rate).signals
        (bout,) = bouts_of(raw)
        size, hop = live.shape[1], recognizer.hop
        starts = range(0, len(bout.signals) - size + 1, hop)
        assert len(live) == len(starts) > 10
        np.testing.assert_array_equal(live, [bout.signals[at : at + size] for at in starts])
        assert (bout.subject, bout.placement) == (5, "pocket")

    def test_activities_part_it_and_nothing_has_none(self):
        activity = np.repeat([3, NO_ACTIVITY, 4, 4, 0, NO_ACTIVITY], 500)
        bouts = bouts_of(self.raw(activity=activity))
        assert [each.activity for each in bouts] == [3, 4, 0]
        assert [len(each.signals) for each in bouts] == [250, 500, 250]

    def test_nothing_crosses_a_gap(self):
        times = even_times(3000, 100.0)
        times[1500:] += 0.3
        bouts = bouts_of(self.raw(times=times))
        assert [len(each.signals) for each in bouts] == [749, 749]
        second = bouts_of(self.raw(times=times - times[1500]))[1]
        np.testing.assert_allclose(second.signals, bouts[1].signals, atol=1e-6)

    def test_a_single_sample_gives_nothing(self):
        assert bouts_of(self.raw(seconds=0.01)) == []

    def test_windows_know_where_they_come_from(self):
        bouts = bouts_of(self.raw(dataset="one")) + bouts_of(self.raw(dataset="two", device="x"))
        windows = cut_windows(bouts, 128, 0.5, ["total_acc"])
        assert windows.source == "one+two"
        assert windows.activities.tolist() == ["SITTING"]
        assert set(windows.label) == {0}
        assert set(windows.select(windows.dataset == "two").device) == {"x"}


# On the real archives


@pytest.mark.parametrize(
    ("name", "people", "bouts", "samples", "activities"),
    [
        ("hapt", 30, 856, 748_406, ACTIVITIES[:6]),
        ("motion_sense", 24, 359, 1_330_414, (*ACTIVITIES[:5], "RUNNING")),
        ("usc_had", 14, 630, 1_186_320, ACTIVITIES),
        ("dsads", 8, 360, 5_399_280, ACTIVITIES),
    ],
)
def test_the_published_data_set(name, people, bouts, samples, activities, tmp_path):
    """What is read has the published digest, else `read` raises."""
    module = DATASETS[name]
    unpack(archive(f"{name}.zip"), module.FILES, tmp_path)
    recordings, digest = module.read(tmp_path)
    assert digest == module.SHA256
    assert {each.subject for each in recordings} == set(module.SUBJECTS)
    assert len(module.SUBJECTS) == people
    assert len(recordings) == bouts
    assert sum(len(each.signals) for each in recordings) == samples
    assert {ACTIVITIES[each.activity] for each in recordings} == set(activities)
    still = ACTIVITIES.index("STANDING")
    lengths = [
        np.linalg.norm(each.signals[:, 6:], axis=1).mean()
        for each in recordings
        if each.activity == still
    ]
    assert 0.95 < np.median(lengths) < 1.05  # in g, gravity included
    assert all(np.isfinite(each.signals).all() for each in recordings)
    assert max(np.abs(each.signals[:, 3:6]).max() for each in recordings) < 40  # in rad/s


def test_local_archives_are_found_by_what_they_hold(tmp_path):
    folder = archive("usc_had.zip").parent
    (tmp_path / "to").mkdir()
    usc_had.fetch(tmp_path / "to", Sources(tmp_path / "downloads", folder))
    assert len([*(tmp_path / "to").rglob("*.mat")]) == 840
