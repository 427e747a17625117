import tracemalloc
from contextlib import suppress
from dataclasses import fields, replace

import numpy as np
import pytest

from har.data import windows as har_windows
from har.data.windows import (
    cut_windows,
    join_overlapping,
    restore_stretch,
    split_as,
    step_of,
    with_channels,
)
from har.errors import HarError
from har.signals.channels import CHANNEL_GROUPS, groups_of
from har.signals.recordings import BASE_CHANNELS, UCI_HAR_ACTIVITIES, Recording


def test_windows_lie_where_they_say(recordings):
    made = cut_windows(recordings, 100, 0.25, ["total_acc", "gyro"], "")
    for row in (0, 3, len(made) - 1):
        recording = recordings[made.bout[row]]
        piece = recording.signals[made.start[row] : made.start[row] + 100]
        assert np.array_equal(made.signals[row], piece[:, [6, 7, 8, 3, 4, 5]])
        assert made.label[row] == recording.activity
        assert made.subject[row] == recording.subject
        assert made.split[row] == recording.split
    first_bout = made.start[made.bout == 0]
    assert first_bout.tolist() == [0, 75, 150]  # of 300 samples
    assert made.channels.tolist()[:2] == ["total_acc_x", "total_acc_y"]


@pytest.mark.parametrize("groups", [["gyro", "total_acc"], list(CHANNEL_GROUPS)])
def test_channels_may_be_picked_after_cutting(recordings, groups):
    measured = cut_windows(recordings, 64, 0.5, groups_of(BASE_CHANNELS))
    picked = with_channels(measured, groups)
    at_once = cut_windows(recordings, 64, 0.5, groups)
    assert np.array_equal(picked.signals, at_once.signals)
    assert picked.channels.tolist() == at_once.channels.tolist()


def test_windows_take_the_parts_of_the_same_windows_only(windows):
    parts = np.where(windows.subject == 1, "val", windows.split)
    divided = replace(windows, signals=windows.signals / 2, split=parts)
    together = split_as(windows, divided)
    assert np.array_equal(together.split, parts)
    assert np.array_equal(together.signals, windows.signals)
    with pytest.raises(HarError, match="made of others"):
        split_as(windows, divided.select(np.arange(len(windows))[::-1]))


@pytest.mark.parametrize(
    ("size", "overlap", "step"), [(128, 0.5, 64), (100, 0, 100), (3, 0.99, 1), (200, 0.75, 50)]
)
def test_step(size, overlap, step):
    assert step_of(size, overlap) == step


def test_a_recording_of_exactly_one_window_gives_one(recordings):
    exact = [Recording(1, 0, "train", recordings[0].signals[:64])]
    assert len(cut_windows(exact, 64, 0.5, ["gyro"], "")) == 1


def test_short_recordings_give_none_and_none_at_all_is_an_error(recordings):
    made = cut_windows(recordings, 250, 0.5, ["gyro"], "")
    assert set(made.bout) == set(range(0, len(recordings), 2))  # those of 300 samples
    with pytest.raises(HarError, match=r"windowing.size: .* 301 samples .* longest has 300"):
        cut_windows(recordings, 301, 0.5, ["gyro"], "")


def test_cutting_and_joining_are_inverse(recordings):
    signals = [recording.signals[:256] for recording in recordings[::2]]
    pieces = [np.stack([s[i : i + 64] for i in range(0, 256 - 63, 32)]) for s in signals]
    joined = join_overlapping(np.concatenate(pieces))
    assert len(joined) == len(signals)
    for rows, original in zip(joined, signals, strict=True):
        assert np.array_equal(restore_stretch(np.concatenate(pieces)[rows]), original)


def test_stretches_end_where_label_or_subject_changes(recordings):
    signal = recordings[0].signals[:256]
    pieces = np.stack([signal[i : i + 64] for i in range(0, 193, 32)])
    label = np.array([0, 0, 0, 1, 1, 1, 1])
    subject = np.array([1, 1, 1, 1, 1, 2, 2])
    assert join_overlapping(pieces, label, subject) == [slice(0, 3), slice(3, 5), slice(5, 7)]


def test_saved_windows_come_back_and_the_bytes_repeat(tmp_path, windows):
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    scaling = {"offset": np.arange(6.0), "scale": np.ones(6)}
    har_windows.save(first, windows, **scaling)
    har_windows.save(second, windows, **scaling)
    assert first.read_bytes() == second.read_bytes()
    back, more = har_windows.load(first)
    assert np.array_equal(back.signals, windows.signals)
    assert back.split.tolist() == windows.split.tolist()
    assert (back.source, back.dataset_digest) == ("made_up", "0" * 64)
    assert back.activities.tolist() == list(UCI_HAR_ACTIVITIES)
    assert more["offset"].tolist() == [0, 1, 2, 3, 4, 5]


def test_a_missing_or_damaged_file_is_one_line(tmp_path, windows):
    path = tmp_path / "windows.npz"
    with pytest.raises(HarError, match="is not there: run the pipeline"):
        har_windows.load(path)
    har_windows.save(path, windows)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"not a zip", whole[:3000] + whole[5000:]):
        path.write_bytes(content)
        with pytest.raises(HarError, match="is damaged") as caught:
            har_windows.load(path)
        assert "\n" not in str(caught.value)


def test_no_bit_flips_unseen(tmp_path, windows):
    path = tmp_path / "windows.npz"
    small = windows.select(np.arange(0, len(windows), 20))
    har_windows.save(path, small)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    headers = [whole.find(name.encode()) for name in ("signals.npy", "label.npy", "split.npy")]
    near = (np.array(headers)[:, None] + np.arange(-60, 200)).ravel()
    for at in [*rng.choice(near, 300), *rng.integers(len(whole), size=200)]:
        flipped = bytearray(whole)
        flipped[at] ^= 1 << rng.integers(8)
        path.write_bytes(flipped)
        with suppress(HarError):
            back, more = har_windows.load(path)  # where a date or a permission has changed
            assert not more
            for field in fields(har_windows.Windows):
                assert np.array_equal(getattr(back, field.name), getattr(small, field.name))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: {"signals": np.where(w.signals > 1, np.nan, w.signals)}, "not a finite number"),
        (lambda w: {"signals": w.signals.astype(float)}, "signals of type float64"),
        (lambda w: {"signals": w.signals[..., 0]}, "signals of type float32 and shape"),
        (lambda w: {"channels": w.channels[:5]}, "5 names for 6 channels"),
        (lambda w: {"label": w.label + 0.5}, "label of type float64"),
        (lambda w: {"label": w.label + 1}, "labels up to 6 of 6 activities"),
        (lambda w: {"subject": w.subject - 2}, "subject from -1 to 4"),
        (lambda w: {"subject": w.subject[:-1]}, r"\d+ of subject for \d+ windows"),
        (lambda w: {"start": w.start + 2**50}, "start from"),
        (lambda w: {"split": np.where(w.bout == 0, "test", w.split)}, "a person is in two parts"),
        (lambda w: {"split": np.full(len(w), "all")}, "splits other than train, val, test"),
        (lambda w: {"activities": np.array(["FLYING", *w.activities[1:]])}, "or unknown ones"),
        (lambda _: {"overlap": 5.0}, "an overlap of 5"),
    ],
)
def test_values_out_of_range_are_neither_written_nor_read(
    tmp_path, windows, monkeypatch, change, message
):
    path = tmp_path / "windows.npz"
    wrong = replace(windows, **change(windows))
    with pytest.raises(HarError, match=f"is not written: .*{message}"):
        har_windows.save(path, wrong)
    assert not path.exists()
    with monkeypatch.context() as patch:
        patch.setattr(har_windows, "_problem", lambda *_: "")
        patch.setattr(np, "isfinite", np.ones_like)
        har_windows.save(path, wrong)
    with pytest.raises(HarError, match=f"is damaged .*{message}"):
        har_windows.load(path)


@pytest.mark.parametrize(
    "arrays",
    [{}, {"signals": np.zeros(3)}, {"a": np.zeros(3), "seal": np.array("0")}, {"seal": np.ones(9)}],
)
def test_other_arrays_are_one_line(tmp_path, arrays):
    np.savez(tmp_path / "windows.npz", **arrays)
    with pytest.raises(HarError, match="is damaged .*: delete it and run") as caught:
        har_windows.load(tmp_path / "windows.npz")
    assert "\n" not in str(caught.value) and "pickle" not in str(caught.value)


def test_a_file_that_may_not_be_read_is_not_said_to_be_damaged(tmp_path, windows, monkeypatch):
    path = tmp_path / "windows.npz"
    har_windows.save(path, windows)

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(np, "load", refused)  # root may read everything
    with pytest.raises(HarError, match=r"windows\.npz cannot be read: Permission denied$"):
        har_windows.load(path)


def test_selecting_a_split(windows):
    test = windows.of("test")
    assert set(test.subject) == {5, 6}
    assert len(test) + len(windows.of("train")) == len(windows)


@pytest.mark.parametrize("split", ["train", "test", "val"])
def test_a_split_may_be_read_alone(tmp_path, windows, split):
    mixed = replace(windows, split=np.where(windows.subject % 2, "train", "test"))
    har_windows.save(tmp_path / "windows.npz", mixed, offset=np.zeros(6), scale=np.arange(1, 7))
    part, more = har_windows.load(tmp_path / "windows.npz", split)
    for field in fields(mixed):
        expected = getattr(mixed.of(split), field.name)
        np.testing.assert_array_equal(getattr(part, field.name), expected)
    assert more["scale"].tolist() == [1, 2, 3, 4, 5, 6]


def test_reading_a_split_needs_no_second_copy(tmp_path, windows):
    many = windows.select(np.arange(16_000) % len(windows))
    many = replace(many, split=np.where(many.subject == 5, "test", "train"))
    har_windows.save(tmp_path / "windows.npz", many)
    tracemalloc.start()
    har_windows.load(tmp_path / "windows.npz", "train")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * many.signals.nbytes


def test_windows_that_lie_together_are_not_copied(windows):
    together = windows.select(np.argsort(windows.split, kind="stable"))
    for split in ("test", "train"):
        assert np.shares_memory(together.of(split).signals, together.signals)
