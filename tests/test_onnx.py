import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_bundle import CLASSES, SIZE, made_bundle, untrained
from scipy.linalg import fractional_matrix_power
from scipy.signal import butter, sosfilt

from har.errors import HarError
from har.learning.networks import predict_probabilities
from har.model import bundle as bundles
from har.recognition import onnx_export
from har.recognition.onnx_export import MODEL, RECOGNIZER, describe, export, run, session, to_onnx

pytestmark = pytest.mark.xdist_group("onnx")


@pytest.fixture(scope="module")
def made():
    return made_bundle()


@pytest.fixture(scope="module")
def windows(made):
    shape = (40, SIZE, len(made.description.channels))
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.fixture(scope="module")
def model(made):
    return to_onnx(made)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("recurrent", {"cell": "lstm", "bidirectional": True, "num_layers": 2}),
        ("recurrent", {"cell": "gru", "bidirectional": False}),
        ("conv_recurrent", {"cell": "lstm", "bidirectional": False, "num_layers": 2}),
        ("conv_recurrent", {"cell": "gru", "bidirectional": True, "companding": []}),
    ],
)
def test_every_kind_of_network_gives_the_same_in_onnx(made, name, settings):
    # The exporter takes its time for each step of a window: a short one shows the same.
    model = untrained(name, 3, **settings)
    short = made.description.model_copy(update={"window_size": 4, "channels": ["x", "y", "z"]})
    windows = np.random.default_rng(0).normal(size=(50, 4, 3)).astype(np.float32)
    runtime = session(to_onnx(bundles.Bundle(model, short)))
    with torch.inference_mode():
        expected = model(torch.from_numpy(windows)).numpy()
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(run(runtime, windows), expected, atol=1e-4)
    np.testing.assert_allclose(run(runtime, windows[:1]), expected[:1], atol=1e-4)


def test_an_export_is_checked_complete_and_the_same_every_time(made, windows, model, tmp_path):
    assert export(made, tmp_path / "out", windows) < 1e-4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [MODEL, RECOGNIZER]
    assert (tmp_path / "out" / MODEL).read_bytes() == model
    logits = run(session(model), windows).astype(float)
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    expected = predict_probabilities(made.model, windows, torch.device("cpu"))
    np.testing.assert_allclose(probabilities, expected, atol=1e-4)
    # No path of the machine that it was made on.
    assert b".py" not in model

    description = json.loads((tmp_path / "out" / RECOGNIZER).read_bytes())
    assert description["model_sha256"] == hashlib.sha256(model).hexdigest()
    bundle = made.description.model_dump()
    same = "activities channels units window_size offset scale temperature transitions priors"
    for name in same.split():
        assert description[name] == bundle[name]


def test_a_network_that_comes_out_otherwise_is_refused(made, windows, model, tmp_path, monkeypatch):
    other = untrained("conv_recurrent", windows.shape[2], cell="lstm")
    monkeypatch.setattr(onnx_export, "to_onnx", lambda _: model)
    with pytest.raises(HarError, match="differs from PyTorch's by .*: nothing was written"):
        export(replace(made, model=other), tmp_path / "out", windows)
    assert not (tmp_path / "out").exists()


def test_transitions_have_powers(made):
    description = describe(made)
    powers = {name: np.array(value) for name, value in description["transition_powers"].items()}
    for pace in (0.02, 20 / 64, 1, 2.5):
        mine = powers["right"] @ np.diag(powers["values"] ** pace) @ powers["left"]
        expected = fractional_matrix_power(np.array(made.description.transitions), pace)
        np.testing.assert_allclose(mine, expected, atol=1e-12)
    # Round and round: a third of the way is not a real matrix.
    cycle = np.roll(np.eye(CLASSES), 1, axis=1).tolist()
    description = made.description.model_copy(update={"transitions": cycle})
    with pytest.raises(HarError, match="no real powers"):
        describe(replace(made, description=description))


def test_filters_are_those_of_the_archive_and_settled_is_at_rest(made):
    filters = describe(made)["filters"]
    for name, design in (("noise", (10, 20)), ("gravity", (3, 0.3)), ("drift", (2, 0.1))):
        sections = np.array(filters[name]["sections"])
        np.testing.assert_allclose(sections, butter(*design, fs=50, output="sos"))
        still, _ = sosfilt(sections, np.full(20, 1.0), zi=np.array(filters[name]["settled"]))
        np.testing.assert_allclose(still, 1, atol=1e-9)
