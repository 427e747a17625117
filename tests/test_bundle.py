import hashlib
import json
import time
from contextlib import suppress
from dataclasses import replace

import numpy as np
import onnx
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


def seal(models):
    """Seal what `change` has changed, as who forges a bundle would."""
    path = models / bundle.DESCRIPTION
    content = json.loads(path.read_text())
    del content[bundle.SEAL]
    made = bundle.Description.model_validate(content)
    path.write_text(json.dumps(content | {bundle.SEAL: bundle._seal(made)}))


def forge(models, made):
    """Put another model in, an ONNX one, and seal it."""
    content = made.SerializeToString()
    (models / bundle.MODEL).write_bytes(content)
    change(models, model_sha256=hashlib.sha256(content).hexdigest())
    seal(models)


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
        ("training.scale", [0.0] * 9, "training.scale.0: .*greater than 0"),
        ("training.channels", ["total_acc_x", "up"], "unknown from total_acc_x on"),
        ("training.network.hidden_size", 0, "hidden_size"),
        ("units", [], r"units: expected \['g'"),
        ("activities", ["WALKING"] * 6, "activities: expected"),
        ("smoothing.priors", [0.5, 0.5], "smoothing.priors: expected 6, got 2"),
        ("smoothing.priors", [0.0] * 6, "add up to 1"),
        ("smoothing.durations", [1.0] * 5, "smoothing.durations: expected 6, got 5"),
        ("smoothing.durations", [0.0] * 6, "smoothing.durations.0: .*greater than 0"),
        ("window_size", 0, "window_size"),
        ("step", 5, "step: expected 64, got 5"),
        ("temperature", 0, "temperature"),
        ("temperature", 1e-9, "temperature"),
        ("temperature", float("nan"), "expected value"),
        ("surprise", 1, "surprise"),
        ("sampling_rate", 100.0, "sampling_rate: expected 50"),
        ("units", ["g"] * 3 + ["deg/s"] * 3 + ["g"] * 3, "units: expected"),
        ("activities", ["FLYING", *"ABCDE"], "activities: expected"),
        ("training.scale", [-1.0] * 9, "training.scale.0: .*greater than 0"),
        ("training.scale", [float("inf")] * 9, "expected value"),
        ("training.offset", [1e300] * 9, "training.offset.0"),
        ("training.window_overlap", 5, "training.window_overlap"),
        ("training.network.num_layers", 1_000_000, "num_layers"),
        ("training.settings", {"a": float("nan")}, "expected value"),
        ("training.dataset_digest", "0", "dataset_digest"),
        ("training.kept_epoch", -1, "kept_epoch"),
        ("training.train_subjects", [-1], "train_subjects"),
        ("smoothing.priors", [2.0, -1.0, 0.0, 0.0, 0.0, 0.0], "smoothing.priors.0"),
        ("smoothing.together", [3, 3], "together: one is named twice"),
        ("smoothing.together", [6], "together: expected indices"),
        (
            "smoothing",
            {"priors": [1.0, 0, 0, 0, 0, 0], "durations": [1.0] * 6, "together": [3, 4]},
            "priors: expected a share",
        ),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(models, name, value, message):
    change(models, **{name: value})
    with pytest.raises(HarError, match=f"models is damaged .*{message}") as caught:
        bundle.load(models)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0.71),
        ("smoothing.durations", [9.0] * 6),
        ("training.offset", [0.1] * 9),
        ("training.network.dropout", 0.25),
        ("training.dataset", "another"),
        ("weights_sha256", "1" * 64),
        ("seal", ""),
    ],
)
def test_a_change_that_makes_sense_breaks_the_seal(models, name, value):
    change(models, **{name: value})
    for read in (bundle.describe, bundle.load):
        with pytest.raises(HarError, match=r"is damaged \(bundle\.json has been changed"):
            read(models)
    if name != "seal":
        seal(models)
        bundle.load(models)


def test_no_bit_of_the_description_flips_unseen(models):
    path = models / bundle.DESCRIPTION
    whole, before = path.read_bytes(), bundle.describe(models)
    for at in np.random.default_rng(0).choice(len(whole) * 8, 300, replace=False).tolist():
        flipped = bytearray(whole)
        flipped[at // 8] ^= 1 << at % 8
        path.write_bytes(flipped)
        with suppress(HarError):
            assert bundle.describe(models) == before  # a space became another one, at most


def _with_last(kind, output="probabilities", **attributes):
    """The usual model with a last node on one of its outputs; `factor` is a constant to use."""
    model = onnx.load_from_string(simple_bundle().model)
    for node in model.graph.node:
        node.output[:] = ["before" if name == output else name for name in node.output]
    factor = attributes.pop("factor", None)
    inputs = ["before"]
    if factor is not None:
        value = onnx.helper.make_tensor("", onnx.TensorProto.FLOAT, [1], [factor])
        model.graph.node.append(onnx.helper.make_node("Constant", [], ["factor"], value=value))
        inputs.append("factor")
    model.graph.node.append(onnx.helper.make_node(kind, inputs, [output], **attributes))
    return model


@pytest.mark.parametrize("output", ["probabilities", "novelty", "features", "reading"])
def test_a_model_that_answers_with_no_numbers_gives_no_answer(models, output):
    forge(models, _with_last("Mul", output, factor=float("nan")))
    made = bundle.load(models)
    with pytest.raises(HarError, match="has no sound answer to window 0"):
        made.predict(windows())


@pytest.mark.parametrize("factor", [-1.0, 2.0, 0.0])
def test_a_model_that_answers_with_no_probabilities_gives_no_answer(models, factor):
    forge(models, _with_last("Mul", factor=factor))
    with pytest.raises(HarError, match="has no sound answer to window 0"):
        bundle.load(models).predict(windows())


def test_a_model_that_answers_in_another_shape_gives_no_answer(models):
    forge(models, _with_last("Transpose", perm=[1, 0]))
    with pytest.raises(HarError, match=r"model\.onnx does not give what bundle\.json describes"):
        bundle.load(models).predict(windows())


def test_signals_beyond_all_phones_are_an_error_and_no_nan():
    far = windows()
    far[4] = 1e30
    with pytest.raises(HarError, match="no sound answer to window 4 .*beyond what a phone"):
        predict_windows(simple_bundle(), far)


def test_a_forged_model_of_endless_layers_is_refused_at_once(models):
    model = _with_last("Identity")
    for number in range(10_000):
        name = f"layer{number}"
        model.graph.node.append(onnx.helper.make_node("Add", ["before", "before"], [name]))
    forge(models, model)
    began = time.monotonic()
    with pytest.raises(HarError, match="bytes beside the weights, at most 131,072 go"):
        bundle.load(models)
    assert time.monotonic() - began < 1


def test_forged_models_are_one_line(models):
    for model in (
        onnx.ModelProto(),
        onnx.load_from_string(made_bundle().model),  # of other windows
        onnx.load_from_string(framed_bundle().model),  # of other activities
        _with_last("NoSuchOperator"),
        _with_last("Mul", output="nothing", factor=1.0),
    ):
        forge(models, model)
        with pytest.raises(HarError, match="models is damaged") as caught:
            bundle.load(models)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"3", b"[" * 100_000, b"\xff", b'{"a": NaN}']
)
def test_what_is_no_description_is_one_line(models, content):
    (models / bundle.DESCRIPTION).write_bytes(content)
    with pytest.raises(HarError, match="models ") as caught:
        bundle.load(models)
    assert "\n" not in str(caught.value)


def test_files_too_large_are_not_read(models, monkeypatch):
    for name, limit in [(bundle.DESCRIPTION, "MAX_DESCRIPTION"), (bundle.MODEL, "MAX_MODEL")]:
        with monkeypatch.context() as patch:
            patch.setattr(bundle, limit, 100)
            with pytest.raises(HarError, match=f"{name} has more than 100 bytes"):
                bundle.load(models)


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
