"""The names that `from har import ...` gives, as a newcomer uses them."""

import ast
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from imports import ROOT

import har
from har import (
    GRUModel,
    HarError,
    LSTMModel,
    cut_windows,
    evaluate_model,
    load_bundle,
    load_har_dataset,
    load_recordings,
    prepare_lstm_data,
    seed_everything,
    train_model,
)
from har.data.datasets import simulated, uci_har
from har.learning.networks import count_parameters
from har.signals.recordings import UCI_HAR_ACTIVITIES

PAGE = ROOT / "docs/python.md"
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)


@pytest.fixture(scope="module")
def data():
    return load_har_dataset("simulated", seconds=4, val_subjects=4)


@pytest.fixture(scope="module")
def arrays(data):
    return prepare_lstm_data(data.train)


def no_network(archive, *_):
    raise HarError(f"{archive.url}: cannot be reached")


@pytest.fixture
def no_publisher(monkeypatch, tmp_path):
    """An empty folder to work in, and nothing to be had from anywhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HAR_ARCHIVE_DIR", raising=False)
    monkeypatch.setattr("har.data.archive.download", no_network)
    return tmp_path


def test_every_public_name_is_there_and_documented():
    tree = ast.parse((ROOT / "har/__init__.py").read_text())
    (for_types,) = (node for node in tree.body if isinstance(node, ast.If))
    typed = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in for_types.body
        for alias in node.names
    }
    assert typed == har.PLACES
    assert set(har.__all__) <= set(dir(har))
    for name in har.__all__:
        assert getattr(har, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'train_modle'"):
        _ = har.train_modle


def test_importing_har_imports_nothing_heavy():
    code = "import sys, har; print(*({'torch', 'numpy', 'pandas'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_the_page_s_lines_run_as_they_are_shown(no_publisher, monkeypatch, capsys):
    """On simulated recordings in UCI HAR's place: those that a newcomer has are not in git."""
    written = no_publisher / "data/raw/uci_har"
    written.mkdir(parents=True)
    simulated.write(written, 6, 0)
    monkeypatch.setattr(uci_har, "read", simulated.read)
    first = SNIPPETS[0]
    assert len(first.strip().splitlines()) <= 12
    names: dict = {}
    exec(compile(first, PAGE, "exec"), names)
    test = names["data"].test
    assert set(test.subject) == set(uci_har.OFFICIAL_TEST_SUBJECTS)
    assert names["confusion"].shape == (6, 6)
    assert names["confusion"].sum() == len(test)
    assert names["accuracy"] == np.trace(names["confusion"]) / len(test)
    assert names["report"]["activity"].tolist() == list(UCI_HAR_ACTIVITIES)
    assert names["accuracy"] > 0.5
    assert f"{names['accuracy']:.1%}" in capsys.readouterr().out


def test_the_page_s_lines_predict_with_the_pipeline_s_model(
    finished, monkeypatch, capsys, tmp_path
):
    for name in ("models", "reports"):
        (tmp_path / name).symlink_to(finished.folder / name)
    (tmp_path / "data/raw").mkdir(parents=True)
    (tmp_path / "data/raw/uci_har").symlink_to(finished.folder / "data/raw/simulated")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(uci_har, "read", simulated.read)
    names: dict = {}
    exec(compile(SNIPPETS[1], PAGE, "exec"), names)
    predictions = pd.read_csv("reports/predictions.csv")
    np.testing.assert_allclose(
        names["probabilities"], predictions[list(UCI_HAR_ACTIVITIES)].to_numpy(), atol=1e-4
    )
    assert capsys.readouterr().out.strip() == predictions["predicted"][0]


def test_four_values_as_the_field_knows_them():
    train, test, activities, channels = load_har_dataset("simulated", seconds=3)
    assert activities == UCI_HAR_ACTIVITIES
    assert channels == tuple(
        f"{sensor}_{axis}" for sensor in ("total_acc", "body_gyro") for axis in "xyz"
    )
    X, y = prepare_lstm_data(train)
    assert (X.dtype, y.dtype) == (np.float32, np.int64)
    assert X.shape == (len(y), 128, 6)
    assert set(train.subject).isdisjoint(test.subject)
    assert len(np.unique(train.subject)) == 21


def test_people_are_in_one_part_and_scaling_is_fitted_on_training_people(data):
    parts = [data.train, data.val, data.test]
    people = [set(part.subject.tolist()) for part in parts]
    assert [len(each) for each in people] == [17, 4, 9]
    assert len(set.union(*people)) == 30
    np.testing.assert_allclose(data.train.signals.mean(axis=(0, 1)), 0, atol=1e-4)
    np.testing.assert_allclose(data.train.signals.std(axis=(0, 1)), 1, atol=1e-4)
    measured = load_har_dataset(
        "simulated", seconds=4, val_subjects=4, normalization="none"
    ).test.signals
    np.testing.assert_allclose(data.scaling.undo(data.test.signals), measured, atol=1e-5)
    gravity = np.linalg.norm(measured[..., :3].mean(axis=1), axis=1)
    np.testing.assert_allclose(gravity, 1, atol=0.2)  # in g


def test_windows_of_the_data_set_are_those_of_its_recordings():
    recordings = load_recordings("simulated", seconds=3)
    cut = cut_windows(recordings, 128, 0.5, ["total_acc", "gyro"])
    whole = load_har_dataset("simulated", seconds=3, normalization="none")
    assert np.array_equal(cut.of("test").signals, whole.test.signals)
    assert np.array_equal(cut.of("train").label, whole.train.label)


def test_a_model_learns_and_repeats_with_its_seed(data, arrays):
    X_val, y_val = prepare_lstm_data(data.val)

    def trained():
        seed_everything(1)
        model = LSTMModel(hidden_size=16, num_layers=1)
        options = {"epochs": 6, "learning_rate": 0.01, "show_progress": False}
        return train_model(model, *arrays, X_val, y_val, **options)

    model, history = trained()
    assert len(history.epochs) == 6
    result = evaluate_model(model, X_val, y_val)
    accuracy, report, confusion = result
    assert accuracy == pytest.approx(history.epochs[-1]["val_accuracy"])
    assert accuracy > 0.5
    assert confusion.sum(axis=1).tolist() == report["support"].tolist()
    assert np.trace(confusion) / confusion.sum() == accuracy == result.scores["accuracy"]
    assert np.array_equal(
        evaluate_model(trained()[0], X_val, y_val).probabilities, result.probabilities
    )


def test_forms_of_the_network():
    assert count_parameters(LSTMModel()) == 60_806
    assert count_parameters(GRUModel()) == count_parameters(LSTMModel(cell="gru")) < 60_806
    assert count_parameters(LSTMModel(9, bidirectional=True)) == 155_014
    assert isinstance(GRUModel(), LSTMModel)
    assert LSTMModel(9, 8, 1, 4, 0.0).num_classes == 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LSTMModel(hidden_size=0), "hidden_size=0: .*greater than or equal to 1"),
        (lambda: LSTMModel(input_size=1.5), "input_size=1.5: expected a whole number"),
        (lambda: LSTMModel(cell="rnn"), "cell=rnn: .*'lstm' or 'gru'"),
        (lambda: load_har_dataset("har"), "names=.*'har' is none of uci_har, hapt"),
        (lambda: load_har_dataset("simulated", seconds=1), "seconds=1: .*greater than"),
        (lambda: load_har_dataset("simulated", channels="gyro"), "channels=gyro: .*list"),
        (lambda: load_har_dataset("simulated", overlap=1), "overlap=1: .*less than 1"),
        (
            lambda: load_har_dataset("simulated", seconds=3, normalization="z"),
            "normalization='z': expected one of standard, minmax, none",
        ),
        (
            lambda: load_har_dataset("simulated", seconds=3, val_subjects=[2]),
            r"val_subjects: \[2\] are test subjects",
        ),
        (lambda: load_har_dataset("simulated", val_subjects=-1), "^val_subjects=-1: .*0 or more"),
        (lambda: load_har_dataset("simulated", val_subjects=2.5), "^val_subjects=2.5: .*integer"),
        (lambda: load_har_dataset("simulated", val_subjects="a"), "^val_subjects=a: .*integer"),
        (lambda: load_har_dataset("simulated", val_subjects=[1, 1]), "^val_subjects=.*named twice"),
        (lambda: load_har_dataset("simulated", seed=-1), "^seed=-1: "),
        (lambda: prepare_lstm_data(np.zeros(3)), "data: expected Windows.* got ndarray"),
    ],
)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(HarError, match=message):
        call()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: ((X[0], y), {}), r"X_train: .* got the shape \(128, 6\)"),
        (lambda X, y: ((X[:, :, :3], y), {}), "X_train: expected 6 channels.* got 3"),
        (lambda X, y: ((X, y[:-1]), {}), "y_train: expected a label for each of"),
        (lambda X, y: ((X, y + 1), {}), "y_train: expected labels from 0 to 5, got 1 to 6"),
        (lambda X, y: ((X, y.astype(float)), {}), "y_train: expected whole numbers, got float64"),
        (lambda X, y: ((X * np.nan, y), {}), "X_train: expected finite numbers, window 0"),
        (lambda X, y: ((X, y, X), {}), "X_val, y_val: expected both or neither"),
        (lambda X, y: ((X, y), {"epochs": 0}), "epochs=0: .*greater than or equal to 1"),
        (lambda X, y: ((X, y), {"epoch": 3}), "epoch: no such setting"),
        (lambda X, y: ((X, y), {"seed": 3}), "seed, threads: give them to seed_everything"),
    ],
)
def test_wrong_arrays_are_named_before_anything_is_trained(arrays, change, message):
    given, options = change(*arrays)
    with pytest.raises(HarError, match=message):
        train_model(LSTMModel(hidden_size=4), *given, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "m"}, "^model: expected a torch.nn.Module, got str"),
        ({"device": "tpu"}, "^device='tpu': expected auto, cpu or cuda"),
        ({"temperature": 0}, "^temperature=0: .*greater than or equal to 0.05"),
        ({"temperature": "hot"}, "^temperature=hot: .*number"),
    ],
)
def test_wrong_arguments_of_a_score_are_named(arrays, change, message):
    given = {"model": LSTMModel(hidden_size=4), "X_test": arrays[0], "y_test": arrays[1]}
    with pytest.raises(HarError, match=message):
        evaluate_model(**given | change)


def test_people_to_set_apart_are_a_number_or_numbers():
    data = {
        kind: load_har_dataset("simulated", seconds=3, val_subjects=subjects)
        for kind, subjects in [
            ("list", [1, 3]),
            ("tuple", (1, 3)),
            ("array", np.array([1, 3])),
            ("count", np.int64(2)),
        ]
    }
    for kind in ("list", "tuple", "array"):
        assert np.unique(data[kind].val.subject).tolist() == [1, 3]
    assert len(np.unique(data["count"].val.subject)) == 2


def test_without_the_data_the_ways_on_are_said_and_nothing_is_left(no_publisher):
    with pytest.raises(HarError, match=r"HAR_ARCHIVE_DIR.*this again.*load_har_dataset\('simul"):
        load_har_dataset()
    left = [path for path in no_publisher.rglob("*") if path.is_file() and path.name != ".lock"]
    assert left == []
    (no_publisher / "data/raw/uci_har").mkdir(parents=True)
    with pytest.raises(HarError, match="data/raw/uci_har does not hold UCI HAR.*delete it"):
        load_har_dataset()
    with pytest.raises(HarError, match="models/bundle.json: no trained model there"):
        load_bundle("models")


def test_the_published_data_set(uci_har_folder):
    train, test, _, _ = load_har_dataset(folder=uci_har_folder.parent)
    assert train.signals.shape == (7352, 128, 6)
    assert np.bincount(test.label).tolist() == [496, 471, 420, 491, 532, 537]
