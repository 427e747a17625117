"""MLflow: runs while a training goes on and after it, the model, and stores that fail."""

import io
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

import mlflow
import numpy as np
import pytest
from fastapi.testclient import TestClient
from made_bundle import simple_bundle
from mlflow.pyfunc import scoring_server
from mlflow.tracking import MlflowClient
from mlflow_runs import mlflow_runs
from project import Project

from har.files import sha256
from har.model import bundle
from har.params import Params
from stages import follow as follow_stage
from stages import mlflow_run
from stages.train import _followed as followed

NOW = 1_700_000_000_000


def events(**last: str) -> str:
    """A training of two epochs, as `stages.train` tells of it."""
    begin = {"parameters": Params().flat(), "dataset": "simulated", "dataset_digest": "d" * 64}
    epochs = [
        {"epoch": n, "time": NOW + 1000 * n, "train_loss": 1 / n, "val_loss": None} for n in (1, 2)
    ]
    lines = [begin | {"time": NOW}, *epochs, *([last] if last else [])]
    return "".join(json.dumps(line) + "\n" for line in lines)


def follow(project: Project, text: str, *dvc: str, **environment: str) -> subprocess.Popen:
    """Start `stages.follow` as a training would."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.follow", *dvc],
        cwd=project.folder,
        env=project.environment | environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdin.write(text)
    process.stdin.close()
    return process


def warnings_of(process: subprocess.Popen) -> str:
    text = process.stderr.read()
    assert process.wait(120) == 0
    return text


@pytest.fixture
def loaded(finished):
    """The model of the finished project's run as MLflow loads it, and the run."""
    (run,) = mlflow_runs(finished)
    mlflow.set_tracking_uri(f"sqlite:///{finished.folder / 'mlflow.db'}")
    return mlflow.pyfunc.load_model(f"runs:/{run['id']}/model"), run


def test_four_trainings_of_four_checkouts_are_four_runs_of_one_fresh_database(project, tmp_path):
    uri = f"sqlite:///{tmp_path / 'shared' / 'runs.db'}"
    weights = sha256(project.folder / "models/weights.safetensors")
    endings = [
        events(status="FINISHED", weights_sha256="f" * 64),
        events(status="FAILED", failure="the loss is nan"),
        events(),  # killed: no word of how it ended
        events(status="FINISHED", weights_sha256=weights),
    ]
    checkouts = [Project(tmp_path / f"checkout{number}", tmp_path) for number in range(3)]
    for checkout in checkouts:
        checkout.folder.mkdir()
        for name in ("har", "stages"):
            (checkout.folder / name).symlink_to(project.folder / name)
    checkouts.append(project)
    processes = [
        follow(checkout, text, MLFLOW_TRACKING_URI=uri)
        for checkout, text in zip(checkouts, endings, strict=True)
    ]
    assert [warnings_of(process) for process in processes] == [""] * 4

    runs = mlflow_runs(project, uri)
    assert sorted(run["status"] for run in runs) == ["FAILED", "FINISHED", "FINISHED", "KILLED"]
    by_weights = {run["tags"].get("weights_sha256", run["status"]): run for run in runs}
    assert by_weights["FAILED"]["tags"]["failure"] == "the loss is nan"
    # Trained again to the same weights: no stage follows, so that it has its scores at once.
    scores = json.loads(project.read("reports/test.json"))["test"]
    assert by_weights[weights]["metrics"]["test/accuracy"] == scores["accuracy"]
    assert by_weights[weights]["models"]
    assert "test/accuracy" not in by_weights["f" * 64]["metrics"]

    client = MlflowClient(uri)
    for run in runs:
        info = client.get_run(run["id"]).info
        assert info.start_time == NOW
        assert info.artifact_uri.startswith((tmp_path / "shared" / "mlruns").as_uri())
        points = client.get_metric_history(run["id"], "train_loss")
        assert [(each.step, each.timestamp, each.value) for each in points] == [
            (1, NOW + 1000, 1.0),
            (2, NOW + 2000, 0.5),
        ]
        assert "val_loss" not in run["metrics"]
        (dataset,) = run["datasets"]
        assert (dataset.name, dataset.digest) == ("simulated", "d" * 8)
        assert not [name for name in run["params"] if name.startswith("crossval.")]


@pytest.mark.parametrize("packaged", ["before", "meanwhile"])
def test_a_model_that_is_packaged_meanwhile_is_left_to_the_stages(packaged, monkeypatch, tmp_path):
    """Its scores are still to come, and `stages.track` after them."""
    monkeypatch.chdir(tmp_path)

    def package(*_: object) -> mock.Mock:
        made = simple_bundle()
        description = made.description.model_copy(update={"weights_sha256": "f" * 64})
        bundle.save(Path("models"), replace(made, description=description))
        return mock.Mock(monitor=None)

    if packaged == "before":
        package()
    monkeypatch.setattr(follow_stage, "Run", package)
    text = events(status="FINISHED", weights_sha256="f" * 64)
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    with mock.patch("stages.mlflow_run.deliver") as deliver:
        follow_stage.main(None)
    assert deliver.called == (packaged == "before")


def test_a_follower_that_cannot_reach_mlflow_says_so_once(project):
    process = follow(project, events(status="FINISHED"), MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    (line,) = warnings_of(process).splitlines()
    assert line.startswith("warning: MLflow at http://127.0.0.1:9 did not take this training")
    assert line.endswith("; it goes on")


@pytest.mark.parametrize("program", ["false", "no-such-module"])
def test_a_follower_that_dies_does_not_stop_the_training(monkeypatch, tmp_path, program):
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/__init__.py").touch()
    monkeypatch.chdir(tmp_path)  # no stages.follow here
    if program == "false":
        monkeypatch.setattr(sys, "executable", "/bin/false")
    with followed() as tell:
        for number in range(20):
            tell({"epoch": number})
            time.sleep(0.02)


def test_a_follower_that_hangs_does_not_delay_the_training(monkeypatch, tmp_path):
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/__init__.py").touch()
    (tmp_path / "stages/follow.py").write_text("import time\ntime.sleep(20)\n")
    monkeypatch.chdir(tmp_path)
    start = time.monotonic()
    with followed() as tell:
        tell({"epoch": 1})
    assert 4 < time.monotonic() - start < 8


def test_a_model_without_a_run_gets_one_with_its_history_and_no_second_one(project):
    head = project.run("git", "rev-parse", "HEAD").strip()
    environment = {
        "HAR_VERSION": "2.1",
        "HAR_NOTES": "a smaller network",
        "HAR_REGISTER_MODEL": "activities",
        "DVC_EXP_NAME": "small",
        "DVC_EXP_BASELINE_REV": head,
    }
    output = project.call("track", **environment)
    assert "warning" not in output
    assert project.call("track", **environment) == ""
    runs = {run["name"]: run for run in mlflow_runs(project)}
    assert set(runs) == {"small", f"experiments on {head[:7]}"}
    run, parent = runs["small"], runs[f"experiments on {head[:7]}"]
    assert run["history"] == 2
    tags = run["tags"]
    assert tags["mlflow.parentRunId"] == parent["id"]
    assert (tags["version"], tags["notes"]) == ("2.1", "a smaller network")
    assert tags["mlflow.note.content"] == "a smaller network"
    assert tags["mlflow.source.git.commit"] == head
    client = MlflowClient(f"sqlite:///{project.folder / 'mlflow.db'}")
    (version,) = client.search_model_versions("name = 'activities'")
    assert version.run_id == run["id"]
    # Scores are linked to the model and its data; curves to the model alone.
    model = client.get_logged_model(run["models"][0])
    linked = {each.key: each for each in model.metrics}
    assert (linked["val/accuracy"].dataset_name, linked["val/accuracy"].value) == (
        "simulated",
        run["metrics"]["val/accuracy"],
    )
    assert (
        linked["train_loss"].step == bundle.describe(project.folder / "models").training.kept_epoch
    )


def test_the_stage_waits_for_who_follows_the_training(project, monkeypatch):
    """Otherwise a slow follower and the stage would each begin a run."""
    monkeypatch.chdir(project.folder)
    begun = events()
    weights = sha256(project.folder / "models/weights.safetensors")
    slow = subprocess.Popen(
        [sys.executable, "-m", "stages.follow"],
        cwd=project.folder,
        env=project.environment,
        stdin=subprocess.PIPE,
        text=True,
    )
    slow.stdin.write(begun)
    slow.stdin.flush()
    deadline = time.monotonic() + 60
    while not mlflow_runs_if_any(project):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    stage = subprocess.Popen(
        [sys.executable, "-m", "stages.track"], cwd=project.folder, env=project.environment
    )
    with pytest.raises(subprocess.TimeoutExpired):
        stage.wait(3)
    slow.stdin.write(json.dumps({"time": NOW, "status": "FINISHED", "weights_sha256": weights}))
    slow.stdin.close()
    assert slow.wait(60) == stage.wait(60) == 0
    assert len(mlflow_runs(project)) == 1


@pytest.mark.parametrize("asked", [True, False])
def test_who_follows_the_training_completes_its_run_while_dvc_goes_on(project, asked):
    weights = sha256(project.folder / "models/weights.safetensors")
    model = project.folder / "models/bundle.json"
    packaged = model.read_bytes()
    model.unlink()
    dvc = subprocess.Popen(["sleep", "600"])
    follower = follow(project, events(status="FINISHED", weights_sha256=weights), str(dvc.pid))
    try:
        deadline = time.monotonic() + 60
        while not (project.folder / "mlflow.db").exists():
            assert time.monotonic() < deadline
            time.sleep(0.2)
        model.write_bytes(packaged)
        if asked:
            # Of a module that is not there: only who follows the training can do it.
            (project.folder / "mlflow.py").write_text("raise ImportError")
            assert "warning" not in project.run(sys.executable, "-m", "stages.track")
    finally:
        dvc.kill()
        dvc.wait()
    assert warnings_of(follower) == ""
    (run,) = mlflow_runs(project)
    assert run["status"] == "FINISHED"
    assert ("test/accuracy" in run["metrics"]) == bool(run["models"]) == asked


def mlflow_runs_if_any(project):
    return (project.folder / "mlflow.db").exists() and mlflow_runs(project)


def test_evaluating_again_after_a_change_leaves_the_older_run(project):
    project.call("track")
    before = mlflow_runs(project)
    project.call("evaluate")  # the same outcome is no news
    project.call("track")
    assert mlflow_runs(project) == before
    project.call("evaluate", "--evaluation.smoothing", "false")
    project.call("track")
    after = mlflow_runs(project)
    assert len(after) == 2
    assert before[0] in after
    newer = next(run for run in after if run != before[0])
    assert "test/smoothed_accuracy" not in newer["metrics"]
    assert set(newer["artifacts"]) == set(before[0]["artifacts"])


def test_a_store_that_refuses_files_has_the_scores_and_gets_the_rest_later(project):
    refuse = mock.patch.object(MlflowClient, "log_artifact", side_effect=OSError("no bucket"))
    with refuse:
        output = project.call("track")
    assert "(no bucket)" in output
    assert "`python -m stages.track` delivers the rest later" in output
    (run,) = mlflow_runs(project)
    assert run["status"] == "FINISHED"
    assert run["metrics"]["test/accuracy"] > 0
    assert run["artifacts"] == []
    assert project.call("track") == ""
    (later,) = mlflow_runs(project)
    assert later["id"] == run["id"]
    assert {"reports/metrics.json", "model/MLmodel"} <= set(later["artifacts"])
    assert later["metrics"] == run["metrics"]


def test_a_run_that_mlflow_lost_half_way_is_completed_and_none_begun_where_a_file_is_missing(
    project,
):
    refuse = mock.patch.object(MlflowClient, "set_terminated", side_effect=OSError("gone"))
    with refuse:
        assert "(gone)" in project.call("track")
    (run,) = mlflow_runs(project)
    assert run["status"] == "RUNNING"
    assert project.call("track") == ""
    (later,) = mlflow_runs(project)
    assert (later["id"], later["status"], later["history"]) == (run["id"], "FINISHED", 2)
    assert later["metrics"]["test/accuracy"] > 0

    (project.folder / "mlflow.db").unlink()
    for name in ("figures/training_loss.png", "per_class.csv", "history.csv"):
        (project.folder / "reports" / name).unlink()
        output = project.call("track", fails=True)
        assert f"error: reports/{name} is not there: make it with `dvc repro`" in output
    assert not mlflow_runs_if_any(project)


def test_stores_that_fail_are_a_warning(project, tmp_path):
    damaged = tmp_path / "damaged.db"
    damaged.write_text("no database, and long enough to be read as the header of one")
    deleted = f"sqlite:///{tmp_path / 'deleted.db'}"
    client = MlflowClient(deleted)
    client.delete_experiment(client.create_experiment("human-activity-recognition"))
    for uri, reason in (
        ("http://me:secret@127.0.0.1:9", "MLflow at http://127.0.0.1:9 did not take"),
        ("nonsense://x", "unsupported URI"),
        ("sqlite:////dev/null/x.db", "/dev/null"),
        (f"sqlite:///{damaged}", f"{damaged} did not take the run of this model"),
        (deleted, "bring it back with `mlflow experiments restore --experiment-id 1`"),
    ):
        start = time.monotonic()
        (line,) = project.call("track", MLFLOW_TRACKING_URI=uri).splitlines()
        assert line.startswith("warning: MLflow at")
        assert reason in line
        assert "`python -m stages.track` delivers the rest later" in line
        assert time.monotonic() - start < 30


def test_weights_of_another_training_are_not_recorded_with_this_model(project):
    project.call("train", "--train.seed", "7")
    output = project.call("track", fails=True)
    assert "error: models was packaged from other weights; run `dvc repro`" in output


def test_the_logged_model_predicts_as_the_bundle_does(finished, loaded):
    model, run = loaded
    (model_id,) = run["models"]
    packaged = bundle.load(finished.folder / "models")
    windows = np.random.default_rng(0).normal(0, 1, (3, 128, 9)).astype(np.float32)
    table = model.predict(windows)
    expected = packaged.predict(windows)
    activities = packaged.description.activities
    assert table[activities].to_numpy() == pytest.approx(expected.probabilities, abs=1e-6)
    assert table["novelty"].to_numpy() == pytest.approx(expected.novelty, rel=1e-5)
    assert table["plausible"].tolist() == (expected.problem == 0).tolist()
    best = expected.probabilities.argmax(axis=1)
    assert table["activity"].tolist() == [activities[each] for each in best]
    assert mlflow.pyfunc.load_model(f"models:/{model_id}").predict(windows).equals(table)
    assert model.metadata.signature.outputs.input_names() == table.columns.tolist()
    for wrong in (windows[:, :64], windows[..., :6], np.full_like(windows, np.nan)):
        with pytest.raises((mlflow.MlflowException, ValueError)):
            model.predict(wrong)


def test_the_logged_model_is_served(loaded):
    model, _ = loaded
    client = TestClient(scoring_server.init(model))
    at_rest = [[0, 0, 0, 0, 0, 0, 0, 0, 1.0]] * 128
    answer = client.post("/invocations", json={"inputs": [at_rest]})
    assert answer.status_code == 200, answer.text
    (prediction,) = answer.json()["predictions"]
    assert prediction["activity"] in prediction
    assert answer.json()["predictions"][0]["plausible"] is True


def test_a_sweep_s_experiments_are_shown_below_one_run():
    assert mlflow_run.group_of("sweep-12", "0123456789") == "sweep on 0123456"
    assert mlflow_run.group_of("boric-foil", "0123456789") == "experiments on 0123456"
    assert mlflow_run.group_of("2", "0123456789") == "experiments on 0123456"


class TestCommit:
    def test_of_another_person_s_folder(self, tmp_path, monkeypatch, caplog):
        if os.geteuid() != 0:
            pytest.skip("only root can give a folder away")
        for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"]):
            name = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
            subprocess.run(["git", *name, *command], cwd=tmp_path, check=True)
        for path in (tmp_path, *tmp_path.rglob("*")):
            os.chown(path, 12345, 12345)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert len(mlflow_run.head()) == 40
        assert caplog.text == ""

    def test_outside_of_git_there_is_none(self, tmp_path, monkeypatch, caplog):
        monkeypatch.chdir(tmp_path)
        assert mlflow_run.head() == ""
        assert caplog.text == ""

    def test_one_that_cannot_be_read_is_a_warning(self, tmp_path, monkeypatch, caplog):
        monkeypatch.chdir(tmp_path)
        subprocess.run(["git", "init", "-q"], check=True)
        Path(".git/HEAD").write_text("ref: refs/heads/none\n")
        assert mlflow_run.head() == ""
        assert "the run names no commit" in caplog.text
