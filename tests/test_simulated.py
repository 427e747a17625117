from pathlib import Path

import numpy as np
import pytest

from har.data.datasets import uci_har
from har.data.datasets.simulated import SUBJECTS, read, simulate, write
from har.data.windows import cut_windows
from har.signals.recordings import UCI_HAR_ACTIVITIES, Recording

SECONDS = 12.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("simulated")
    write(path, SECONDS, seed=0)
    return path


@pytest.fixture(scope="module")
def recordings(folder: Path) -> list[Recording]:
    return read(folder)[0]


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def signals_of(recordings: list[Recording], activity: str) -> list[np.ndarray]:
    index = UCI_HAR_ACTIVITIES.index(activity)
    return [recording.signals for recording in recordings if recording.activity == index]


def test_layout_is_uci_hars(folder: Path) -> None:
    assert sorted(contents(folder)) == sorted(uci_har.FILES)
    labels = (folder / "activity_labels.txt").read_text().split()
    assert labels[::2] == ["1", "2", "3", "4", "5", "6"]
    assert tuple(labels[1::2]) == UCI_HAR_ACTIVITIES
    assert "not measurements of anybody" in (folder / "README.txt").read_text()


def test_everybody_does_everything_in_the_official_split(recordings: list[Recording]) -> None:
    done = {(r.subject, r.activity, r.split) for r in recordings}
    assert done == {
        (subject, activity, "test" if subject in uci_har.OFFICIAL_TEST_SUBJECTS else "train")
        for subject in SUBJECTS
        for activity in range(len(UCI_HAR_ACTIVITIES))
    }


def test_bouts_come_back_whole(recordings: list[Recording]) -> None:
    people = [*range(1, 31)]
    people.sort(key=lambda subject: (subject in uci_har.OFFICIAL_TEST_SUBJECTS, subject))
    expected = [
        (subject, activity, signals)
        for subject in people
        for activity, signals in simulate(0, subject, SECONDS)
    ]
    assert [(r.subject, r.activity) for r in recordings] == [(s, a) for s, a, _ in expected]
    for recording, (_, _, signals) in zip(recordings, expected, strict=True):
        np.testing.assert_allclose(recording.signals, signals, rtol=1e-6, atol=6e-7)
    assert len(recordings) == 30 * 6 * 2
    assert len({len(recording.signals) for recording in recordings}) > 2


def test_cutting_gives_back_the_written_windows(folder: Path, recordings: list[Recording]) -> None:
    groups = ["body_acc", "gyro", "total_acc"]
    windows = cut_windows(recordings, 128, 0.5, groups, "")
    for split in ("train", "test"):
        part, mine = uci_har.read_part(folder, split), windows.of(split)
        np.testing.assert_array_equal(mine.signals, part.signals)
        np.testing.assert_array_equal(mine.label + 1, part.labels)
        np.testing.assert_array_equal(mine.subject, part.subjects)


def test_seed_decides_every_byte(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("same", 3), ("other", 4)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, 3.0, seed)
    one, same, other = (contents(tmp_path / name) for name in ("one", "same", "other"))
    assert one == same
    signals = [name for name in one if "Inertial" in name]
    assert len(signals) == 18
    assert not any(one[name] == other[name] for name in signals)


@pytest.mark.parametrize("seconds", [3.0, 6.0, 15.0, 40.0])
def test_bouts_add_up_to_the_seconds(seconds: float) -> None:
    bouts = simulate(0, 1, seconds)
    halves = np.zeros(len(UCI_HAR_ACTIVITIES))
    for activity, signals in bouts:
        assert len(signals) % 64 == 0
        assert len(signals) >= 128
        halves[activity] += len(signals) / 64
    assert (halves == int(seconds * 50) // 64).all()


def test_length_of_gravity_is_about_one(recordings: list[Recording]) -> None:
    for activity in ("STANDING", "SITTING", "LAYING"):
        lengths = [np.linalg.norm(s[:, 6:].mean(axis=0)) for s in signals_of(recordings, activity)]
        assert np.allclose(lengths, 1.0, atol=0.08)


def test_laying_turns_gravity_away_from_x(recordings: list[Recording]) -> None:
    standing = [s[:, 6].mean() for s in signals_of(recordings, "STANDING")]
    lying = [s[:, 6].mean() for s in signals_of(recordings, "LAYING")]
    assert min(standing) > 0.8
    assert np.median(np.abs(lying)) < 0.4


def test_filters_have_settled(recordings: list[Recording]) -> None:
    # A filter that starts from zero would leave most of gravity in body_acc for seconds.
    for signals in signals_of(recordings, "STANDING"):
        assert np.abs(signals[:64, :3].mean(axis=0)).max() < 0.05


def step_frequency(signals: np.ndarray) -> float:
    """The strongest frequency of vertical acceleration above the strides', Hz."""
    body = signals[:, 0] * np.hanning(len(signals))
    power = np.abs(np.fft.rfft(body, 4096)) ** 2
    frequency = np.fft.rfftfreq(4096, 1 / 50)
    return float(frequency[np.where(frequency > 1.2, power, 0).argmax()])


def test_walking_has_a_human_cadence(recordings: list[Recording]) -> None:
    steps = [step_frequency(signals) for signals in signals_of(recordings, "WALKING")]
    assert min(steps) > 1.4
    assert max(steps) < 2.5


def test_stairs_differ_from_level_walking(recordings: list[Recording]) -> None:
    def typical(activity: str) -> tuple[float, float]:
        bouts = signals_of(recordings, activity)
        impact = np.median([np.abs(np.diff(signals[:, 0])).mean() for signals in bouts])
        return float(np.median([step_frequency(signals) for signals in bouts])), float(impact)

    level, up, down = (
        typical(name) for name in ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS")
    )
    assert up[0] < 0.95 * level[0]
    assert up[1] < level[1] < down[1] / 1.2
