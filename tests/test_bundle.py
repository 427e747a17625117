import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from har.data.splits import assign_splits
from har.errors import HarError
from har.learning.networks import GRUModel, RecurrentClassifier
from har.model import bundle
from har.model.novelty import Novelty
from har.signals.recordings import ACTIVITIES
from har.signals.scaling import fit_scaling


def made(seed=0):
    torch.manual_seed(seed)
    model = RecurrentClassifier(3, 6, "gru", 5, 2, True, 7, 0.1)
    description = bundle.Description(
        model="recurrent",
        architecture=model.settings,
        activities=list(ACTIVITIES),
        channels=["total_acc_x", "total_acc_y", "total_acc_z"],
        units=["g", "g", "g"],
        sampling_rate=50,
        window_size=128,
        window_overlap=0.5,
        offset=[0.1, 0.2, 0.3],
        scale=[1.5, 2.5, 3.5],
        dataset="simulated",
        dataset_digest="abc",
        train_subjects=[1, 2],
        transitions=[[0.95 if row == column else 0.01 for column in range(6)] for row in range(6)],
        priors=[1 / 6] * 6,
        temperature=0.6,
        novelty=Novelty(scale=[1.0] * 6, centres=[[0.0] * 6], limit=1.0),
        kept_epoch=4,
        settings={"train.epochs": 5},
    )
    return bundle.Bundle(model, description)


def test_a_bundle_comes_back_and_its_bytes_repeat(tmp_path):
    bundle.save(tmp_path / "a", made())
    bundle.save(tmp_path / "b", made())
    assert bundle.digest(tmp_path / "a") == bundle.digest(tmp_path / "b")
    back = bundle.load(tmp_path / "a")
    x = torch.randn(2, 20, 3)
    assert torch.equal(back.model.eval()(x), made().model.eval()(x))
    sha256 = back.description.weights_sha256
    assert back.description == made().description.model_copy(update={"weights_sha256": sha256})
    assert back.scaling.apply(np.float32([[0.1, 2.7, 0.3]])).tolist() == [[0, 1, 0]]
    bundle.save(tmp_path / "b", made(seed=1))
    assert bundle.digest(tmp_path / "a") != bundle.digest(tmp_path / "b")


def test_a_network_made_from_python_comes_back(tmp_path):
    model = GRUModel(3, hidden_size=4)
    settings = {"architecture": model.settings}
    description = made().description.model_copy(update=settings)
    bundle.save(tmp_path, bundle.Bundle(model, description))
    x = torch.randn(2, 20, 3)
    assert torch.equal(bundle.load(tmp_path).model.eval()(x), model.eval()(x))


def test_saving_leaves_the_folder_s_other_files_alone(tmp_path):
    (tmp_path / "README.md").write_text("a model card")
    bundle.save(tmp_path, made())
    bundle.save(tmp_path, made(seed=1))
    assert {path.name for path in tmp_path.iterdir()} == {
        "README.md",
        bundle.DESCRIPTION,
        bundle.WEIGHTS,
    }


def test_saving_that_broke_off_between_the_files_is_told(tmp_path):
    bundle.save(tmp_path / "old", made())
    bundle.save(tmp_path / "new", made(seed=1))
    (tmp_path / "new" / bundle.WEIGHTS).replace(tmp_path / "old" / bundle.WEIGHTS)
    with pytest.raises(HarError, match="weights.safetensors is not the file that bundle.json desc"):
        bundle.load(tmp_path / "old")


def test_a_missing_bundle_says_how_to_make_one(tmp_path):
    with pytest.raises(HarError, match="no trained model; run `dvc repro train`"):
        bundle.load(tmp_path / "models")


@pytest.mark.parametrize("name", [bundle.WEIGHTS, bundle.DESCRIPTION])
@pytest.mark.parametrize("keep", [0, 40, 200])
def test_a_damaged_bundle_is_one_line(tmp_path, name, keep):
    bundle.save(tmp_path / "models", made())
    path = tmp_path / "models" / name
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(HarError, match="is damaged") as caught:
        bundle.load(tmp_path / "models")
    assert "\n" not in str(caught.value)


def test_weights_that_do_not_fit_the_architecture_are_refused(tmp_path):
    bundle.save(tmp_path / "models", made())
    path = tmp_path / "models" / bundle.DESCRIPTION
    description = json.loads(path.read_text())
    description["architecture"]["hidden_size"] = 6
    path.write_text(json.dumps(description))
    with pytest.raises(HarError, match="is damaged"):
        bundle.load(tmp_path / "models")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offset": [0.0]}, "offset: expected 3 for 3 channels and 6 activities, got 1"),
        ({"scale": [1.0] * 4}, "scale: expected 3"),
        ({"units": []}, "units: expected 3"),
        ({"channels": ["total_acc_x", "total_acc_y", "up"]}, "unknown from total_acc_x on"),
        ({"activities": list(ACTIVITIES[:5])}, "priors: expected 5"),
        ({"transitions": [[0.2] * 6] * 5}, "transitions: expected 6 .*, got 5 and 6"),
        ({"transitions": [[0.2] * 6] * 5 + [[1.0]]}, "transitions: expected 6"),
        ({"novelty": {"scale": [1.0] * 5, "centres": [[0.0] * 6], "limit": 1}}, "novelty.scale: "),
        ({"novelty": {"scale": [1.0] * 6, "centres": [[0.0] * 5], "limit": 1}}, "novelty.centres"),
        ({"novelty": {"scale": [1.0] * 6, "centres": [], "limit": 1}}, "centres: .*, got none"),
    ],
)
def test_lists_that_do_not_fit_each_other_are_refused(tmp_path, change, message):
    bundle.save(tmp_path / "models", made())
    path = tmp_path / "models" / bundle.DESCRIPTION
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(HarError, match=f"models is damaged .*{message}.*run `dvc repro`") as caught:
        bundle.load(tmp_path / "models")
    assert "\n" not in str(caught.value)


def test_a_model_is_not_scored_on_what_it_was_not_made_for(windows):
    split = assign_splits(windows, [4], seed=0)
    scaling = fit_scaling(windows.signals[split == "train"], "standard")
    scaled = replace(windows, split=split)
    description = made().description.model_copy(
        update={
            "channels": windows.channels.tolist(),
            "offset": scaling.offset.tolist(),
            "scale": scaling.scale.tolist(),
            "window_size": 64,
            "window_overlap": 0.5,
            "train_subjects": [1, 2, 3],
            "dataset_digest": windows.dataset_digest,
        }
    )
    bundle.check_fits(description, scaled, scaling)
    other_split = assign_splits(windows, [3], seed=0)
    other_scaling = fit_scaling(windows.signals, "minmax")
    for windows_given, scaling_given, message in [
        (replace(scaled, split=other_split), scaling, "another training subjects than"),
        (scaled, other_scaling, "another scaling than"),
        (replace(scaled, dataset_digest="1"), scaling, "another data set than"),
        (replace(scaled, overlap=0.25), scaling, "another window overlap than"),
        (replace(scaled, signals=scaled.signals[:, :32]), scaling, "another window size than"),
        (replace(scaled, channels=scaled.channels[::-1]), scaling, "another channels than"),
    ]:
        with pytest.raises(HarError, match=message):
            bundle.check_fits(description, windows_given, scaling_given)
