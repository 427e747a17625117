"""The model that comes with the package."""

import hashlib
import json
import subprocess

import numpy as np
import pytest
import yaml
from imports import ROOT
from made_bundle import movement

from har.model.bundle import DESCRIPTION, MODEL, RELEASED, load
from har.recognition.recognizer import Recognizer

NOTE = RELEASED / "release.json"
LOCK = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]


def locked(path):
    outs = [out for stage in LOCK.values() for out in stage["outs"]]
    return next(out["md5"] for out in outs if out["path"] == path)


@pytest.mark.parametrize("name", [DESCRIPTION, MODEL])
def test_it_is_what_the_committed_pipeline_makes(name):
    """Run `dvc repro`, commit, `make release` and commit if this fails."""
    content = (RELEASED / name).read_bytes()
    digest = hashlib.md5(content).hexdigest()
    assert digest == locked(f"models/{name}") == json.loads(NOTE.read_text())["md5"][name]


def test_its_note_names_what_made_it():
    note = json.loads(NOTE.read_text())
    training = load().description.training
    assert (note["dataset"], note["dataset_digest"]) == ("uci_har", training.dataset_digest)
    metrics = json.loads((ROOT / "reports/metrics.json").read_text())
    assert note["test_accuracy"] == metrics["test"]["accuracy"]
    shown = subprocess.run(
        ["git", "show", f"{note['commit']}:dvc.lock"], cwd=ROOT, capture_output=True, text=True
    )
    if shown.returncode:
        pytest.skip("this checkout does not have the release's commit")
    package = yaml.safe_load(shown.stdout)["stages"]["package"]
    outs = {out["path"]: out["md5"] for out in package["outs"]}
    assert outs[f"models/{MODEL}"] == note["md5"][MODEL]


def test_it_is_small_and_recognises():
    assert sum(path.stat().st_size for path in RELEASED.iterdir()) < 0.6e6
    times = np.arange(1500) / 50
    recognizer = Recognizer(load())
    found = recognizer.push(recognizer.stream(), times, *movement(times, np.random.default_rng(0)))
    assert len(found) > 10
