"""The model that comes with the package."""

import hashlib
import json
import subprocess

import numpy as np
import pytest
import yaml
from imports import ROOT
from made_bundle import movement

from har.errors import HarError
from har.model.bundle import DESCRIPTION, MODEL, RELEASED, digest, load
from har.recognition.recognizer import Recognizer
from tools import release

NOTE = RELEASED / "release.json"
PIPELINE = ROOT / "anyone"
LOCK = yaml.safe_load((PIPELINE / "dvc.lock").read_text())["stages"]


def locked(path):
    outs = [out for stage in LOCK.values() for out in stage.get("outs", [])]
    return next(out["md5"] for out in outs if out["path"] == path)


@pytest.mark.parametrize("name", [DESCRIPTION, MODEL])
def test_it_is_what_the_committed_pipeline_makes(name):
    """Run `make anyone`, commit, `make release` and commit if this fails."""
    content = (RELEASED / name).read_bytes()
    digest = hashlib.md5(content).hexdigest()
    assert digest == locked(f"models/{name}") == json.loads(NOTE.read_text())["md5"][name]


def test_its_note_names_what_made_it():
    note = json.loads(NOTE.read_text())
    training = load().description.training
    assert note["pipeline"] == "anyone"
    assert note["dataset"] == "motion_sense+usc_had+hapt+dsads"
    assert note["dataset_digest"] == training.dataset_digest
    metrics = json.loads((PIPELINE / "reports/test.json").read_text())
    assert note["test_accuracy"] == metrics["test"]["accuracy"]
    shown = subprocess.run(
        ["git", "show", f"{note['commit']}:anyone/dvc.lock"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if shown.returncode:
        pytest.skip("this checkout does not have the release's commit")
    package = yaml.safe_load(shown.stdout)["stages"]["package"]
    outs = {out["path"]: out["md5"] for out in package["outs"]}
    assert outs[f"models/{MODEL}"] == note["md5"][MODEL]


def test_its_card_is_of_this_model():
    assert digest(RELEASED) in (RELEASED / "README.md").read_text()


def test_a_release_takes_a_card_of_the_same_model_with_links_that_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    models = tmp_path / "models"
    models.mkdir()
    card = models / "README.md"
    (models / DESCRIPTION).write_bytes((RELEASED / DESCRIPTION).read_bytes())
    (models / MODEL).write_bytes((RELEASED / MODEL).read_bytes())
    (tmp_path / "reports").mkdir()
    for name, part in (("metrics", "train"), ("test", "test")):
        scores = {"dataset": "uci_har", part: {"accuracy": 0.5}}
        (tmp_path / f"reports/{name}.json").write_text(json.dumps(scores))
    paths = (
        f"models/{DESCRIPTION}",
        f"models/{MODEL}",
        "reports/metrics.json",
        "reports/test.json",
    )
    outs = [{"path": path, "md5": release.md5(tmp_path / path)} for path in paths]
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": {"package": {"outs": outs}}}))
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "dvc.lock"], check=True)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, "commit", "-qm", "lock"], check=True)
    monkeypatch.setattr(release, "RELEASED", tmp_path / "released")

    with pytest.raises(HarError, match=r"models/README.md is not there: run `make report`"):
        release.main()
    card.write_text("[live](../docs/live.md) of another")
    with pytest.raises(HarError, match=r"models/README.md is of another model"):
        release.main()
    assert not (tmp_path / "released").exists()
    card.write_text(f"[live](../docs/live.md) of {digest(models)}")
    release.main()
    assert "(../../docs/live.md)" in (tmp_path / "released/README.md").read_text()
    assert load(tmp_path / "released").model == load().model
    assert json.loads((tmp_path / "released/release.json").read_text())["test_accuracy"] == 0.5


def test_it_is_small_and_recognises():
    assert sum(path.stat().st_size for path in RELEASED.iterdir()) < 0.6e6
    times = np.arange(1500) / 50
    recognizer = Recognizer(load())
    found = recognizer.push(recognizer.stream(), times, *movement(times, np.random.default_rng(0)))
    assert len(found) > 10
