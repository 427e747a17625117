import json

import numpy as np
import pytest
import torch

from har import bundle
from har.errors import HarError
from har.models import RecurrentClassifier
from har.recordings import ACTIVITIES


def made(seed=0):
    torch.manual_seed(seed)
    model = RecurrentClassifier(3, 6, "gru", 5, 2, True, 7, 0.1)
    description = bundle.Description(
        architecture=model.settings,
        activities=list(ACTIVITIES),
        channels=["total_acc_x", "total_acc_y", "total_acc_z"],
        sampling_rate=50,
        window_size=128,
        window_overlap=0.5,
        offset=[0.1, 0.2, 0.3],
        scale=[1.5, 2.5, 3.5],
        dataset="simulated",
        dataset_digest="abc",
        train_subjects=[1, 2],
        kept_epoch=4,
    )
    return bundle.Bundle(model, description)


def test_a_bundle_comes_back_and_its_bytes_repeat(tmp_path):
    bundle.save(tmp_path / "a", made())
    bundle.save(tmp_path / "b", made())
    assert bundle.digest(tmp_path / "a") == bundle.digest(tmp_path / "b")
    back = bundle.load(tmp_path / "a")
    x = torch.randn(2, 20, 3)
    assert torch.equal(back.model.eval()(x), made().model.eval()(x))
    assert back.description == made().description
    assert back.scaling.apply(np.float32([[0.1, 2.7, 0.3]])).tolist() == [[0, 1, 0]]
    bundle.save(tmp_path / "b", made(seed=1))
    assert bundle.digest(tmp_path / "a") != bundle.digest(tmp_path / "b")


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
