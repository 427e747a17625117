import json
from dataclasses import replace

import numpy as np
import pytest
from made_bundle import framed_bundle, made_bundle, made_windows, movement, simple_bundle, trained

from har.errors import HarError
from har.model import bundle, packaging
from har.model.bundle import predict_windows
from har.signals.filters import filter_recording

PATHS = (bundle.DESCRIPTION, bundle.MODEL)


@pytest.fixture
def models(tmp_path):
    bundle.save(tmp_path / "models", simple_bundle())
    return tmp_path / "models"


def change(models, **values):
    """Put other values into a saved description, by dotted name."""
    path = models / bundle.DESCRIPTION
    description = json.loads(path.read_text())
    for name, value in values.items():
        *sections, key = name.split(".")
        inner = description
        for section in sections:
            inner = inner[section]
        inner[key] = value
    path.write_text(json.dumps(description))


def windows():
    signals = filter_recording(*movement(np.arange(1000) / 50, np.random.default_rng(3)))
    starts = np.arange(0, 800, 40)
    return signals[starts[:, None] + np.arange(128)].astype(np.float32)


def test_a_bundle_comes_back_and_its_bytes_repeat(models, tmp_path):
    bundle.save(tmp_path / "again", simple_bundle())
    assert bundle.digest(models) == bundle.digest(tmp_path / "again")
    back = bundle.load(models)
    assert back == simple_bundle()
    assert bundle.describe(models) == back.description
    for name in ("probabilities", "novelty", "features", "problem", "reading"):
        np.testing.assert_array_equal(
            getattr(back.predict(windows()), name),
            getattr(simple_bundle().predict(windows()), name),
        )
    bundle.save(tmp_path / "other", simple_bundle(limit=1.0))
    assert bundle.digest(models) != bundle.digest(tmp_path / "other")


def test_what_surrounds_the_model_is_described():
    description = simple_bundle().description
    assert description.units == ["g"] * 3 + ["rad/s"] * 3 + ["g"] * 3
    assert (description.sampling_rate, description.window_size, description.step) == (50, 128, 64)
    made, scaling = made_windows(("body_acc", "gyro", "total_acc"), 128)
    shares = np.bincount(made.label, minlength=6) / len(made)
    assert description.smoothing.priors == pytest.approx(shares.tolist())
    assert description.training.kept_epoch == 4
    assert description.training.train_subjects == [0, 1, 2, 3]
    np.testing.assert_array_equal(description.training.scaling.offset, scaling.offset)


def test_what_a_model_needs_is_told_by_its_channels_and_its_network():
    needs = {
        name: (made.description.needs_gyroscope, made.description.needs_mounting)
        for name, made in {
            "measured": simple_bundle(),
            "acceleration": made_bundle(("total_acc",), num_layers=0, limit=1.0),
            "framed": framed_bundle(),
            "framed acceleration": framed_bundle(gyroscope=False),
        }.items()
    }
    assert needs == {
        "measured": (True, True),
        "acceleration": (False, True),
        "framed": (True, False),
        "framed acceleration": (False, False),
    }
    assert framed_bundle().description.trained_on == "right arm, waist"
    assert simple_bundle().description.postures == ["SITTING", "STANDING", "LAYING"]


def test_many_windows_are_predicted_as_few_are():
    many = np.tile(windows(), (30, 1, 1))  # more than go into one run
    whole = simple_bundle().predict(many)
    parts = [simple_bundle().predict(many[at : at + 7]) for at in range(0, len(many), 7)]
    np.testing.assert_allclose(
        whole.probabilities, np.concatenate([part.probabilities for part in parts]), atol=1e-6
    )
    np.testing.assert_allclose(whole.probabilities.sum(axis=1), 1, atol=1e-12)
    shared = simple_bundle().predict(many, threads=3)
    for name, values in vars(shared).items():
        np.testing.assert_array_equal(values, getattr(whole, name))
    nothing = simple_bundle().predict(many[:0])
    assert nothing.probabilities.shape == (0, 6)


def test_windows_are_predicted_from_python():
    made = simple_bundle()
    found = predict_windows(made, windows().tolist())
    np.testing.assert_array_equal(found, made.predict(windows()).probabilities)
    spoilt = windows()
    spoilt[3, 2, 1] = np.nan
    for wrong, message in [
        (windows()[:, :64], r"128 samples of 9 signals, got the shape \(20, 64, 9\)"),
        (windows()[..., :6], r"got the shape \(20, 128, 6\)"),
        (windows()[0], r"got the shape \(128, 9\)"),
        (windows()[:0], "at least one window"),
        (spoilt, "expected finite numbers, window 3"),
        ("walking", "expected numbers, got str"),
    ]:
        with pytest.raises(HarError, match=f"^signals: .*{message}"):
            predict_windows(made, wrong)


def test_saving_leaves_the_folder_s_other_files_alone(models):
    (models / "README.md").write_text("a model card")
    bundle.save(models, simple_bundle(limit=1.0))
    assert {path.name for path in models.iterdir()} == {"README.md", *PATHS}


def test_saving_that_broke_off_between_the_files_is_noticed(models, tmp_path):
    bundle.save(tmp_path / "new", simple_bundle(limit=1.0))
    (tmp_path / "new" / bundle.MODEL).replace(models / bundle.MODEL)
    with pytest.raises(HarError, match=r"model\.onnx is not the file that bundle\.json describes"):
        bundle.load(models)


def test_a_missing_bundle_is_named(tmp_path):
    with pytest.raises(HarError, match=r"models/bundle\.json: no trained model there"):
        bundle.load(tmp_path / "models")


def test_a_file_in_place_of_the_folder_is_named(models):
    with pytest.raises(HarError, match=r"no trained model there; name the folder of one"):
        bundle.load(models / bundle.MODEL)


def test_a_bundle_of_another_version_is_said_to_be_one(models):
    change(models, format=3)
    with pytest.raises(HarError, match="models was written by another version"):
        bundle.load(models)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("keep", [0, 40, 200])
def test_a_damaged_bundle_is_one_line(models, name, keep):
    path = models / name
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(HarError, match="is damaged") as caught:
        bundle.load(models)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("training.offset", [0.0], "offset: expected 9, one a channel, got 1"),
        ("training.scale", [1.0] * 4, "scale: expected 9"),
        ("training.scale", [0.0] * 9, "scale: expected no zeros"),
        ("training.channels", ["total_acc_x", "up"], "unknown from total_acc_x on"),
        ("training.network.hidden_size", 0, "hidden_size"),
        ("units", [], "units: expected 9, got 0"),
        ("activities", ["WALKING"] * 6, "activities: expected"),
        ("smoothing.priors", [0.5, 0.5], "smoothing.priors: expected 6, got 2"),
        ("smoothing.priors", [0.0] * 6, "add up to 1"),
        ("smoothing.durations", [1.0] * 5, "smoothing.durations: expected 6, got 5"),
        ("smoothing.durations", [0.0] * 6, "durations: expected positive numbers"),
        ("window_size", 0, "window_size"),
        ("step", 5, "step: expected 64, got 5"),
        ("temperature", 0, "temperature"),
        ("surprise", 1, "surprise"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(models, name, value, message):
    change(models, **{name: value})
    with pytest.raises(HarError, match=f"models is damaged .*{message}") as caught:
        bundle.load(models)
    assert "\n" not in str(caught.value)


def test_a_model_is_not_scored_on_what_it_was_not_made_for():
    _, record, scaled = trained()
    scaling = record.scaling
    record.check_fits(scaled, scaling)
    other_split = np.where(scaled.subject == 3, "val", scaled.split)
    other_scaling = replace(scaling, scale=scaling.scale * 2)
    for windows_given, scaling_given, message in [
        (replace(scaled, split=other_split), scaling, "another training subjects than"),
        (scaled, other_scaling, "another scaling than"),
        (replace(scaled, dataset_digest="1"), scaling, "another data set than"),
        (replace(scaled, overlap=0.25), scaling, "another window overlap than"),
        (replace(scaled, signals=scaled.signals[:, :16]), scaling, "another window size than"),
        (replace(scaled, channels=scaled.channels[::-1]), scaling, "another channels than"),
    ]:
        with pytest.raises(HarError, match=message):
            record.check_fits(windows_given, scaling_given)


def test_durations_are_those_of_the_data_set_in_which_an_activity_is_shortest():
    made, _ = made_windows()
    count = len(made) // 2 * 2
    half = np.arange(count) < count // 2
    windows = replace(
        made.select(np.arange(count)),
        dataset=np.where(half, "quick", "slow"),
        subject=np.where(half, 1, 2),
        # Changes at every second window, or never.
        label=np.where(half, np.arange(count) // 2 % 2, 0),
    )
    durations = packaging._durations(windows, 3, 1.0)
    np.testing.assert_allclose(durations[0], durations[1], rtol=0.2)
    assert durations[0] < 3
    assert durations[2] == pytest.approx(durations[:2].mean())
