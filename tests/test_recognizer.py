import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest
from made_bundle import framed_bundle, simple_bundle

from har.data import archive
from har.data.datasets import hapt, uci_har
from har.errors import HarError
from har.model.bundle import Bundle, Outputs
from har.model.hmm import CausalSmoother, smooth
from har.recognition.profile import Profile, teach
from har.recognition.recognizer import NOT_FINITE, NOT_LATER, OUT_OF_RANGE, Recognizer
from har.signals.filters import filter_recording
from har.signals.sensors import STANDARD_GRAVITY, Readings


@pytest.fixture(scope="module")
def recording():
    """Half a minute of somebody upright who moves."""
    rng = np.random.default_rng(0)
    moving = np.cumsum(rng.normal(0, 0.02, (1500, 6)), axis=0)
    moving -= np.linspace(0, 1, 1500)[:, None] * moving[-1]
    samples = moving + rng.normal(0, 0.05, (1500, 6)) + [1, 0, 0, 0, 0, 0]
    return np.arange(1500) / 50, samples[:, :3], samples[:, 3:]


def run(recognizer, times, acceleration, angular_rate, block=None, **stream):
    opened = recognizer.stream(**stream)
    found, block = [], block or len(times)
    for at in range(0, len(times), block):
        part = slice(at, at + block)
        rate = None if angular_rate is None else angular_rate[part]
        found += recognizer.push(opened, times[part], acceleration[part], rate)
    return found, opened


def table(predictions):
    return np.array([[one.time, *one.probabilities, one.novelty] for one in predictions])


def test_the_same_numbers_as_filtering_and_predicting_at_once(recording):
    times, acceleration, angular_rate = recording
    bundle = simple_bundle()
    found, _ = run(Recognizer(bundle, smoothing=False), *recording, settled=False)
    signals = filter_recording(acceleration, angular_rate).astype(np.float32)
    windows = np.stack([signals[start : start + 128] for start in range(0, 1499 - 127, 64)])
    expected = bundle.predict(windows)
    np.testing.assert_allclose(table(found)[:, 1:7], expected.probabilities, atol=1e-6)
    np.testing.assert_allclose(table(found)[:, 7], expected.novelty, rtol=1e-4)
    np.testing.assert_allclose([one.time for one in found], times[127:1499:64])


@pytest.mark.parametrize("block", [1, 33, 700])
def test_blocks_change_nothing(recording, block):
    recognizer = Recognizer(simple_bundle())
    whole, _ = run(recognizer, *recording)
    np.testing.assert_allclose(
        table(run(recognizer, *recording, block=block)[0]), table(whole), atol=1e-6
    )


def test_smoothing_is_that_of_the_evaluation(recording):
    bundle = simple_bundle()
    plain, _ = run(Recognizer(bundle, smoothing=False), *recording)
    smoothed, _ = run(Recognizer(bundle), *recording)
    smoothing = bundle.description.smoothing
    expected = smooth(
        table(plain)[:, 1:7],
        np.zeros(len(plain)),
        np.array(smoothing.durations),
        np.array(smoothing.priors),
        seconds=1.28,
    )
    np.testing.assert_allclose(table(smoothed)[:, 1:7], expected, atol=1e-9)


def test_hop_says_how_often(recording):
    every, _ = run(Recognizer(simple_bundle(), hop=1), *recording)
    assert len(every) == 1499 - 127  # the filter waits for one sample
    seldom, _ = run(Recognizer(simple_bundle(), hop=500, smoothing=False), *recording)
    assert [one.time for one in seldom] == pytest.approx([2.54, 12.54, 22.54])
    others = {round(one.time, 6): one for one in every}
    assert seldom[1].time == pytest.approx(others[12.54].time)


def test_units_and_axes_come_out_the_same(recording):
    times, acceleration, angular_rate = recording
    recognizer = Recognizer(simple_bundle())
    expected, _ = run(recognizer, *recording)
    turn = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    found, _ = run(
        recognizer,
        times,
        STANDARD_GRAVITY * acceleration @ turn,
        np.degrees(angular_rate @ turn),
        readings=Readings("m/s2", "deg/s", turn),
    )
    np.testing.assert_allclose(table(found), table(expected), atol=1e-5)


def test_many_streams_share_a_call_and_do_not_mix(recording):
    times, acceleration, angular_rate = recording
    recognizer = Recognizer(simple_bundle())
    variants = [acceleration, acceleration + [0, 0.3, 0], acceleration[::-1]]
    streams = [recognizer.stream() for _ in variants]
    together = [[] for _ in variants]
    for at in range(0, 1500, 100):
        part = slice(at, at + 100)
        batches = [
            (stream, stream.push(times[part], variant[part], angular_rate[part]))
            for stream, variant in zip(streams, variants, strict=True)
        ]
        for found, more in zip(together, recognizer.recognize(batches), strict=True):
            found += more
    for found, variant in zip(together, variants, strict=True):
        alone, _ = run(recognizer, times, variant, angular_rate)
        np.testing.assert_allclose(table(found), table(alone), atol=1e-6)


@pytest.mark.parametrize(
    ("sensor", "value", "reason"),
    [
        (1, np.nan, NOT_FINITE),
        (2, -np.inf, NOT_FINITE),
        (0, np.nan, NOT_FINITE),
        (1, 1e300, OUT_OF_RANGE),
        (2, 41.0, OUT_OF_RANGE),
        (0, 1e200, OUT_OF_RANGE),
        (0, 699 / 50, NOT_LATER),
        (0, 695 / 50, NOT_LATER),
    ],
)
def test_a_wrong_sample_is_left_out_counted_and_bridged(recording, sensor, value, reason):
    spoilt = [each.copy() for each in recording]
    spoilt[sensor][(700, 1) if sensor else 700] = value
    recognizer = Recognizer(simple_bundle())
    for block in (None, 1):
        found, stream = run(recognizer, *spoilt, block=block)
        assert stream.rejected == {reason: 1}
        assert stream.samples == 1499
        assert stream.restarts == 0
        without, _ = run(recognizer, *(np.delete(each, 700, axis=0) for each in recording))
        np.testing.assert_allclose(table(found), table(without), atol=1e-6)


def test_a_gap_begins_new_windows(recording):
    times, acceleration, angular_rate = recording
    late = np.where(np.arange(1500) >= 600, times + 0.5, times)
    found, stream = run(Recognizer(simple_bundle()), late, acceleration, angular_rate)
    assert stream.restarts == 1
    expected = [*np.arange(2.54, 11.98, 1.28), *np.arange(12.5 + 2.54, 30.48, 1.28)]
    assert [one.time for one in found] == pytest.approx(expected)
    again, _ = run(Recognizer(simple_bundle()), late[600:], acceleration[600:], angular_rate[600:])
    np.testing.assert_allclose(table(found)[-len(again) :], table(again), atol=1e-6)


def test_a_short_gap_is_bridged(recording):
    kept = np.delete(np.arange(1500), np.arange(600, 610))
    found, stream = run(Recognizer(simple_bundle()), *(each[kept] for each in recording))
    assert stream.restarts == 0
    assert len(found) == len(run(Recognizer(simple_bundle()), *recording)[0])


def test_a_clock_that_was_set_back_begins_new_windows_and_goes_on(recording):
    times, acceleration, angular_rate = recording
    back = np.where(np.arange(1500) >= 700, times - 10, times)
    found, stream = run(Recognizer(simple_bundle()), back, acceleration, angular_rate)
    assert stream.restarts == 1
    assert not stream.rejected
    assert found[-1].time > 18


@pytest.mark.parametrize(
    ("acceleration_factor", "rate_factor", "says"),
    [(STANDARD_GRAVITY, 1, "m/s2"), (1 / STANDARD_GRAVITY, 1, "gravity"), (1, 0, "")],
)
def test_another_unit_gives_no_answer_but_a_reason(
    recording, acceleration_factor, rate_factor, says
):
    times, _, angular_rate = recording
    found, stream = run(
        Recognizer(simple_bundle()),
        times,
        np.tile([acceleration_factor, 0, 0], (1500, 1)),
        angular_rate * rate_factor,
    )
    assert (not found) == bool(says)
    assert says in stream.problem
    assert stream.rejected_windows == (22 if says else 0)


def test_degrees_for_radians_are_noticed(recording):
    times, acceleration, _ = recording
    swinging = 30 * np.sin(2 * np.pi * times)[:, None] * np.ones(3)
    found, stream = run(Recognizer(simple_bundle()), times, acceleration, swinging)
    assert not found
    assert "deg/s" in stream.problem


def test_the_problem_is_over_when_readings_are_right_again(recording):
    times, acceleration, angular_rate = recording
    recognizer = Recognizer(simple_bundle())
    _, stream = run(recognizer, times, acceleration * STANDARD_GRAVITY, angular_rate)
    assert stream.problem
    assert recognizer.push(stream, times + 40, acceleration, angular_rate)
    assert stream.problem == ""


def test_what_is_unlike_the_training_data_is_not_known(recording):
    found, _ = run(Recognizer(simple_bundle(limit=1e-3), threshold=0.0), *recording)
    assert found
    assert not any(one.known for one in found)
    assert min(one.novelty for one in found) > 1


def answering(monkeypatch, *rows):
    """Of the model's six activities, these probabilities for window after window."""
    given = iter(np.array(rows, float))

    def predict(_, signals):
        probabilities = np.array([next(given) for _ in signals])
        nothing = np.zeros(len(signals), int)
        return Outputs(probabilities, nothing + 0.5, probabilities, nothing, nothing)

    monkeypatch.setattr(Bundle, "predict", predict)


@pytest.mark.parametrize("smoothing", [False, True])
def test_postures_that_are_likely_together_are_the_answer_still(recording, monkeypatch, smoothing):
    answering(
        monkeypatch,
        [0.3, 0, 0, 0.7, 0, 0],  # a posture alone
        [0.2, 0, 0, 0.4, 0.3, 0.1],  # any of them
        [0.5, 0, 0, 0.2, 0.2, 0.1],  # neither, and walking the likeliest
    )
    recognizer = Recognizer(simple_bundle(), hop=500, smoothing=smoothing, threshold=0.6)
    priors = np.full(6, 1 / 6)
    # Activities that last no time: what was before hardly tells what is now.
    smoother = CausalSmoother(np.full(6, 1e-3), priors, 10.0)
    monkeypatch.setattr(recognizer, "_smoother", lambda _: smoother)
    found, _ = run(recognizer, *recording)
    assert [(one.activity, one.known) for one in found] == [
        ("SITTING", True),
        ("STILL", True),
        ("WALKING", False),
    ]
    assert [one.probability for one in found] == pytest.approx([0.7, 0.8, 0.5], abs=0.03)
    assert found[1].probability == pytest.approx(found[1].probabilities[3:].sum())


def test_a_posture_is_named_only_where_it_can_be_told_from_the_others(recording, monkeypatch):
    made = framed_bundle(gyroscope=False)
    activities = made.description.activities
    recognizer = Recognizer(made, hop=250, smoothing=False)

    def at(activity):
        return np.where(np.array(activities) == activity, 0.94, 0.01)

    def answers(*order, **stream):
        answering(monkeypatch, *[at(activity) for activity in order])
        found, _ = run(recognizer, *recording, **stream)
        assert all(one.known for one in found)
        return [one.activity for one in found]

    order = ("SITTING", "RUNNING", "RUNNING", "WALKING", "WALKING", "LAYING")
    moving = ["RUNNING", "RUNNING", "WALKING", "WALKING"]
    assert answers(*order) == ["STILL", *moving, "STILL"]
    told = answers(*order, placement="waist")  # by the angle, once its wearer has walked
    assert told[:5] == ["STILL", *moving]
    assert told[5] in ("SITTING", "STANDING", "LAYING")

    def taught(activity):
        shown = at(activity)[None]  # `answering` makes features of the probabilities
        empty = Profile(name="me", model_sha256=made.description.model_sha256)
        return teach(empty, activity, shown, [0.5])

    assert answers(*order, profile=taught("SITTING")) == ["SITTING", *moving, "STILL"]
    assert answers(*order, profile=taught("RUNNING")) == ["STILL", *moving, "STILL"]
    # A profile that was shown no posture leaves them to the phone's angle.
    assert answers(*order, profile=taught("RUNNING"), placement="waist") == told


def test_still_is_not_known_where_the_window_is_unlike_the_training(recording, monkeypatch):
    answering(monkeypatch, *[[0.2, 0, 0, 0.4, 0.3, 0.1]] * 22)
    whole = Bundle.predict

    def unlike(made, signals):
        return replace(whole(made, signals), novelty=np.full(len(signals), 2))

    monkeypatch.setattr(Bundle, "predict", unlike)
    found, _ = run(Recognizer(simple_bundle(), smoothing=False), *recording)
    assert {(one.activity, one.known) for one in found} == {("STILL", False)}


def test_threshold(recording):
    bundle = simple_bundle()
    plain, _ = run(Recognizer(bundle, smoothing=False, threshold=0.0), *recording)
    assert all(one.known for one in plain)
    middle = float(np.median([one.probability for one in plain]))
    found, _ = run(Recognizer(bundle, smoothing=False, threshold=middle), *recording)
    sure = [one.known and one.activity != "STILL" for one in found]
    assert sure == [one.probability >= middle for one in plain]
    assert 0 < sum(one.known for one in found) < len(found)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hop": 0},
        {"hop": 2.5},
        {"hop": "5"},
        {"hop": True},
        {"threshold": 1.5},
        {"gap": 1e-4},
        {"gap": float("nan")},
    ],
)
def test_wrong_arguments_are_named(wrong):
    with pytest.raises(HarError, match=next(iter(wrong))):
        Recognizer(simple_bundle(), **wrong)


def test_a_hop_may_be_numpys():
    assert Recognizer(simple_bundle(), hop=np.int64(5)).hop == 5


def test_angular_rate_is_asked_for_where_the_model_needs_it(recording):
    times, acceleration, angular_rate = recording
    with pytest.raises(HarError, match="the model needs angular rate too"):
        run(Recognizer(framed_bundle()), times, acceleration, None)
    alone = Recognizer(framed_bundle(gyroscope=False))
    opened = alone.stream()
    expected = alone.push(opened, times, acceleration)
    assert len(expected) == 22
    for rate in (angular_rate, angular_rate * np.nan):  # is not looked at
        found, stream = run(alone, times, acceleration, rate)
        np.testing.assert_allclose(table(found), table(expected))
        assert not stream.rejected


def test_wrong_shapes_are_told():
    stream = Recognizer(simple_bundle()).stream()
    for shapes in [((5,), (5, 2), (5, 3)), ((5,), (4, 3), (5, 3)), ((), (1, 3), (1, 3))]:
        with pytest.raises(HarError, match="shapes"):
            stream.push(*(np.zeros(shape) for shape in shapes))


def test_anything_at_all_is_survived():
    rng = np.random.default_rng(0)
    recognizer = Recognizer(simple_bundle(), smoothing=True)
    stream = recognizer.stream()
    odd = [np.nan, np.inf, -np.inf, 1e308, -1e308, 1e-308, 0, -0.0, 1e11, 20, -40]
    with np.errstate(invalid="raise", divide="raise"):
        for _ in range(300):
            count = int(rng.integers(0, 60))
            samples = rng.normal(0, 10 ** rng.uniform(-3, 4), (count, 6))
            times = np.cumsum(rng.normal(0.02, 10 ** rng.uniform(-4, 1), count))
            for array in (samples, times[:, None]):
                spoilt = rng.random(array.shape) < 0.02
                array[spoilt] = rng.choice(odd, spoilt.sum())
            for one in recognizer.push(stream, times, samples[:, :3], samples[:, 3:]):
                assert np.isfinite(one.probabilities).all()
                assert one.probabilities.sum() == pytest.approx(1)
    assert stream.samples + sum(stream.rejected.values()) > 0


def test_a_stream_stays_small_however_long(recording):
    times, acceleration, angular_rate = recording
    recognizer = Recognizer(simple_bundle())
    stream = recognizer.stream()
    for minute in range(4):
        for at in range(0, 1500, 10):
            part = slice(at, at + 10)
            recognizer.push(
                stream, times[part] + 30 * minute, acceleration[part], angular_rate[part]
            )
    assert len(pickle.dumps(stream)) < 64 * 1024
    assert sys.getsizeof(stream) < 1024


def test_the_real_recordings_give_the_windows_of_the_pipeline(
    uci_har_folder, hapt_archive, tmp_path
):
    """Raw recordings of a test subject, streamed: the published windows' probabilities, to 1e-4."""
    recordings, _ = uci_har.read(uci_har_folder)
    bundle = simple_bundle()
    recognizer = Recognizer(bundle, hop=1, smoothing=False)
    archive.unpack(hapt_archive, hapt.FILES, tmp_path)
    streamed = []
    for session, block in zip(hapt.read_raw(tmp_path, subjects=(2,)), (1, 500), strict=True):
        stream = recognizer.stream(settled=False)
        count = len(session.activity)
        parts = [slice(at, at + block) for at in range(0, count, block)]
        batches = [
            stream.push(
                np.arange(count)[part] / 50, session.acceleration[part], session.angular_rate[part]
            )
            for part in parts
        ]
        streamed.append(np.concatenate([batch.signals for batch in batches]))
    compared = 0
    for bout in (one for one in recordings if one.subject == 2):
        starts = range(0, len(bout.signals) - 127, 64)
        windows = np.stack([bout.signals[at : at + 128] for at in starts])
        # Where the bout lies: the session and place that are nearest to its first sample.
        gaps = [np.abs(starts[:, 0] - windows[0, 0]).max(axis=1) for starts in streamed]
        session = int(np.argmin([each.min() for each in gaps]))
        place = int(gaps[session].argmin())
        same = streamed[session][place : place + 64 * len(windows) : 64]
        np.testing.assert_allclose(
            bundle.predict(same).probabilities, bundle.predict(windows).probabilities, atol=1e-4
        )
        compared += len(windows)
    assert compared == 302  # test subject 2's
