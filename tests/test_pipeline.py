"""The pipeline as its users run it: real DVC, in copies of the project, on few recordings."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import psutil
import pytest
import yaml
from imports import dvc_hash
from mlflow_runs import MODEL_FILES, mlflow_runs
from project import SMALL, STAGES, Project

from har.data import phone_files, windows
from har.evaluation.networks import evaluate_model
from har.learning import weights
from har.learning.networks import count_parameters
from har.model import bundle
from har.signals.recordings import ACTIVITIES, UCI_HAR_ACTIVITIES

CONTRACT = [
    "data/raw/simulated/train/y_train.txt",
    "data/windows.npz",
    "data/normalized.npz",
    "models/bundle.json",
    "models/model.onnx",
    "models/weights.safetensors",
    "reports/history.csv",
    "reports/metrics.json",
    "reports/test.json",
    "reports/predictions.csv",
    "reports/per_class.csv",
    "reports/per_subject.csv",
    *(
        f"reports/figures/{name}.png"
        for name in (
            "activity_distribution",
            "sensor_signals",
            "time_series_patterns",
            "correlation_heatmap",
            "training_loss",
            "accuracy_curves",
            "confusion_matrix",
            "model_performance",
        )
    ),
]


def locked(project: Project, stage: str) -> dict[str, str]:
    """Hashes of a stage's outputs."""
    lock = yaml.safe_load(project.read("dvc.lock"))
    return {out["path"]: out["md5"] for out in lock["stages"][stage]["outs"]}


def experiments(project: Project) -> pd.DataFrame:
    table = pd.read_csv(io.StringIO(project.dvc("exp", "show", "--csv")))
    return table[table["typ"].isin(["branch_base", "branch_commit"])]


def test_the_outputs_are_those_of_the_contract(finished):
    for path in CONTRACT:
        assert (finished.folder / path).stat().st_size > 0, path
    metrics = json.loads(finished.read("reports/metrics.json"))
    assert list(metrics) == ["dataset", "parameters", "train", "val"]
    assert list(metrics["train"]) == ["accuracy"]
    assert list(metrics["val"]) == ["accuracy", "f1", "loss", "worst"]
    assert 0 <= metrics["val"]["worst"] <= metrics["val"]["accuracy"] <= 1
    metrics = json.loads(finished.read("reports/test.json"))
    assert metrics["dataset"] == "simulated"
    assert list(metrics) == ["dataset", "test", "smoothed", "reliability"]
    for part in ("test", "smoothed"):
        assert list(metrics[part])[:5] == ["accuracy", "loss", "f1", "precision", "recall"]
    assert 0 <= metrics["test"]["accuracy_by_subject_min"] <= metrics["test"]["accuracy"] <= 1
    assert 0 <= metrics["test"]["ece"] <= 1

    predictions = pd.read_csv(finished.folder / "reports/predictions.csv")
    columns = ["subject", "bout", "start", "actual", "predicted", *UCI_HAR_ACTIVITIES]
    assert predictions.columns.tolist() == columns
    assert set(predictions["subject"]) == {2, 4, 9, 10, 12, 13, 18, 20, 24}
    hits = predictions["actual"] == predictions["predicted"]
    assert hits.mean() == pytest.approx(metrics["test"]["accuracy"], abs=1e-6)
    most_probable = predictions[list(UCI_HAR_ACTIVITIES)].idxmax(axis=1)
    assert (most_probable == predictions["predicted"]).mean() > 0.99  # but for rounding
    people = sum(part["windows"] for part in metrics["reliability"])
    assert people == len(predictions)
    assert ",02," not in finished.read("reports/per_subject.csv")
    assert "\n02," in finished.read("reports/per_subject.csv")  # in order by letters, too

    history = pd.read_csv(finished.folder / "reports/history.csv")
    assert history.columns.tolist() == [
        "epoch",
        "train_loss",
        "val_loss",
        "train_accuracy",
        "val_accuracy",
        "learning_rate",
    ]
    assert history["epoch"].tolist() == [1, 2]


def test_the_exported_model_scores_as_the_network_does(finished):
    """`evaluate` scores what is exported, from windows in g and rad/s."""
    scaled, _ = windows.load(finished.folder / "data/normalized.npz")
    network, _ = weights.load(finished.folder / "models/weights.safetensors")
    temperature = bundle.describe(finished.folder / "models").temperature
    of_network = evaluate_model(
        network, *windows.prepare_lstm_data(scaled.of("test")), temperature=temperature
    )
    predictions = pd.read_csv(finished.folder / "reports/predictions.csv")
    found = predictions[list(UCI_HAR_ACTIVITIES)].to_numpy()
    assert abs(found - of_network.probabilities).max() < 2e-4  # of which half by rounding
    test = json.loads(finished.read("reports/test.json"))["test"]
    assert test["accuracy"] == pytest.approx(of_network.accuracy, abs=1e-6)
    assert test["loss"] == pytest.approx(of_network.scores["loss"], abs=1e-4)
    metrics = json.loads(finished.read("reports/metrics.json"))
    assert metrics["parameters"] == count_parameters(network)


def test_the_run_in_mlflow_holds_what_the_files_say(finished):
    (run,) = mlflow_runs(finished)
    assert run["status"] == "FINISHED"
    assert run["history"] == 2
    for path, parts in (("metrics", ("train", "val")), ("test", ("test",))):
        scores = json.loads(finished.read(f"reports/{path}.json"))
        for part in parts:
            for key, value in scores[part].items():
                assert run["metrics"][f"{part}/{key}"] == value
    assert run["metrics"]["test/smoothed_accuracy"] == scores["smoothed"]["accuracy"]
    recall = pd.read_csv(finished.folder / "reports/per_class.csv").set_index("activity")["recall"]
    assert run["metrics"]["test/recall_sitting"] == recall["SITTING"]
    assert run["params"]["train.epochs"] == "2"
    assert run["params"]["windowing.channels"] == "['body_acc', 'gyro', 'total_acc']"
    assert (
        run["tags"]["mlflow.source.git.commit"]
        == finished.run("git", "rev-parse", "HEAD~1").strip()
    )
    assert set(run["artifacts"]) == {
        "checkpoints/weights.safetensors",
        *(f"model/{name}" for name in MODEL_FILES),
        *(path for path in CONTRACT if path.startswith("reports/") and "figures" not in path),
        *(path.removeprefix("reports/") for path in CONTRACT if "figures" in path),
    }


def test_git_holds_what_is_small_and_not_the_rest(finished):
    held = set(finished.run("git", "ls-files").split())
    for path in CONTRACT:
        assert (path in held) == path.startswith("reports/"), path
    assert "dvc.lock" in held
    assert not [path for path in held if "mlflow.db" in path or path.startswith("mlruns")]


def test_a_second_repro_runs_nothing(project):
    output = project.dvc("repro")
    assert "Running stage" not in output
    assert "up to date" in output
    assert project.run("git", "status", "--porcelain") == ""


def test_training_again_gives_the_same_model_whatever_test_people_do(project):
    """Nonsense in place of the test people's signals: same scaling, same epochs, same model."""
    names = (
        "models/bundle.json",
        "models/model.onnx",
        "models/weights.safetensors",
        "reports/history.csv",
    )
    before = [(project.folder / name).read_bytes() for name in names]
    path = project.folder / "data/windows.npz"
    cut, _ = windows.load(path)
    nonsense = np.array(cut.signals)
    nonsense[cut.split == "test"] *= -1000
    windows.save(path, replace(cut, signals=nonsense))
    for name in names:
        (project.folder / name).unlink()
    for stage in ("normalization", "train", "package"):
        project.call(stage)
    assert [(project.folder / name).read_bytes() for name in names] == before
    assert {name: dvc_hash(project.folder / name) for name in names[:2]} == locked(
        project, "package"
    )


def test_validation_people_change_nothing_but_the_choice_of_the_epoch(project):
    last = ("--train.keep", "last")
    project.call("train", *last)
    before = (project.folder / "models/weights.safetensors").read_bytes()
    path = project.folder / "data/windows.npz"
    cut, _ = windows.load(path)
    scaled, _ = windows.load(project.folder / "data/normalized.npz")
    nonsense = np.array(cut.signals)
    nonsense[scaled.split == "val"] *= -1000
    windows.save(path, replace(cut, signals=nonsense))
    project.call("normalization")
    project.call("train", *last)
    assert (project.folder / "models/weights.safetensors").read_bytes() == before


def test_a_model_is_not_scored_on_people_it_was_trained_on(project):
    subjects = json.loads(project.read("models/bundle.json"))["training"]["train_subjects"][:2]
    reports = project.read("reports/metrics.json")
    project.call("normalization", "--split.val_subjects", str(subjects))
    output = project.call("evaluate", fails=True)
    assert "error: the model was trained with another training subjects" in output
    assert project.read("reports/metrics.json") == reports


def stages_in(output: str) -> tuple[set[str], set[str]]:
    """Stages that DVC ran, and those that it took from its run cache."""
    ran = set(re.findall("Running stage '(.*?)'", output))
    return ran, set(re.findall("Stage '(.*?)' is cached - skipping run", output))


AFTER_TRAINING = {"train", "package", "evaluate", "plots"}


@pytest.mark.slow
def test_an_experiment_and_what_can_be_asked_of_it(project, tmp_path):
    output = project.dvc("exp", "run", "-S", "model.hidden_size=12", "-n", "wider")
    ran, _ = stages_in(output)
    assert ran >= {"settings", *AFTER_TRAINING}
    assert not ran & {"download", "windowing", "normalization", "explore"}
    assert "12" in project.dvc("params", "diff", "HEAD")
    changes = project.dvc("metrics", "diff", "HEAD")
    assert "val.accuracy" in changes and "test" not in changes
    shown = experiments(project)
    assert "wider" in shown["Experiment"].tolist()
    assert shown.set_index("Experiment").loc["wider", "model.hidden_size"] == 12
    assert not [name for name in shown if name.startswith(("test.", "smoothed."))]
    command = ("exp", "show", "--no-pager", "--only-changed", "--drop", ".*/|Created")
    table = project.dvc(*command, COLUMNS="400").splitlines()
    assert "val.accuracy" in table[1] and "model.hidden_size" in table[1]
    assert max(len(line.rstrip()) for line in table) <= 120

    project.run(sys.executable, "-m", "tools.report")
    assert ">wider<" in project.read("reports/report.html")

    project.dvc("plots", "diff", "HEAD")
    page = project.read("dvc_plots/index.html")
    for title in ("Loss", "Accuracy", "Confusion matrix, test subjects", "F1 per activity"):
        assert title in page
    for series in ("train_loss", "val_loss", "train_accuracy", "val_accuracy"):
        assert series in page
    assert "../.dvc/vega/vega.min.js" in page  # of `make vega`, without network
    pictures = {path.name for path in (project.folder / "dvc_plots/static").iterdir()}
    for figure in ("confusion_matrix", "training_loss", "model_performance"):
        assert {name for name in pictures if figure in name and name.startswith("HEAD")}
        assert {name for name in pictures if figure in name and name.startswith("workspace")}

    # There and back, in the workspace, in a copy and in another checkout with the same cache.
    project.run("git", "restore", ".")
    ran, cached = stages_in(project.dvc("repro"))
    assert not ran and cached >= {"train", "package"}  # git has brought back what it holds
    assert project.run("git", "status", "--porcelain") == ""
    again = ("exp", "run", "-S", "model.hidden_size=12")
    ran, cached = stages_in(project.dvc(*again, "--temp", "-n", "again"))
    assert ran == {"track"} and cached >= {"settings", *AFTER_TRAINING}
    second = project.clone(tmp_path / "second")
    second.dvc("cache", "dir", "--local", str(project.folder / ".dvc/cache"))
    second.dvc("checkout")
    ran, cached = stages_in(second.dvc(*again))
    assert ran == {"track"} and cached >= {"settings", *AFTER_TRAINING}


@pytest.mark.slow
def test_a_queue_of_two_at_once_and_every_run_in_one_store(project):
    plain = [  # the network of plain LSTM layers, some settings away
        "model.name=recurrent",
        "model.hidden_size=64",
        "model.num_layers=2",
        "model.bidirectional=false",
        "windowing.channels=[total_acc,gyro]",
        "train.learning_rate=1e-4",  # which DVC writes as a number that YAML reads as text
        "train.schedule=constant",
    ]
    for name, changes in (("small", ["model.hidden_size=4"]), ("plain", plain)):
        settings = (part for change in changes for part in ("-S", change))
        project.dvc("exp", "run", "--queue", *settings, "-n", name)
    project.dvc("queue", "start", "-j", "2")
    deadline = time.monotonic() + 400
    while time.monotonic() < deadline:
        time.sleep(8)
        status = project.dvc("queue", "status")
        if status.count("Success") == 2 or "Failed" in status:
            break
    assert status.count("Success") == 2, status
    assert project.run("git", "status", "--porcelain") == ""  # all happened in copies
    assert set(experiments(project)["model.hidden_size"].astype(int)) >= {4, 64}

    runs = mlflow_runs(project)
    (parent,) = (run for run in runs if "group" in run["tags"])
    runs.remove(parent)
    assert {run["params"]["model.hidden_size"] for run in runs} == {"4", "64"}
    head = project.run("git", "rev-parse", "HEAD").strip()
    assert parent["tags"]["group"] == f"experiments on {head[:7]}"
    for run in runs:
        assert run["status"] == "FINISHED"
        assert run["metrics"]["val/accuracy"] > 0
        assert {"val_loss", "train_accuracy", "test/f1", "parameters"} <= set(run["metrics"])
        assert run["history"] == 2
        assert {"checkpoints/weights.safetensors", "model/MLmodel"} <= set(run["artifacts"])
        assert {"reports/per_class.csv", "figures/confusion_matrix.png"} <= set(run["artifacts"])
        assert run["tags"]["dataset"] == "simulated"
        assert len(run["tags"]["model_hash"]) == len(run["tags"]["dataset_digest"]) == 64
        assert run["tags"]["mlflow.source.git.commit"] == head
        assert run["tags"]["mlflow.parentRunId"] == parent["id"]
    names = {run["tags"]["dvc_experiment"] for run in runs}
    assert names == set(experiments(project)["Experiment"].dropna()) == {"small", "plain"}

    project.dvc("exp", "apply", "plain")
    assert json.loads(project.read("reports/metrics.json"))["parameters"] == 60_806
    rows = list(csv.DictReader(io.StringIO(project.read("reports/history.csv"))))
    assert {float(row["learning_rate"]) for row in rows} == {1e-4}


def test_a_wrong_setting_is_said_and_nothing_is_overwritten(project):
    untouched = {path: (project.folder / path).read_bytes() for path in CONTRACT}

    def check(output: str, message: str) -> None:
        project.run("git", "checkout", "-q", "params.yaml")
        assert message in output
        assert "Traceback" not in output
        assert untouched == {path: (project.folder / path).read_bytes() for path in CONTRACT}
        assert project.run("git", "status", "--porcelain") == ""

    # One that only the data show to be wrong costs the results of its stage, and not for long.
    output = project.dvc("exp", "run", "-S", "split.val_subjects=[2]", fails=True)
    assert "error: val_subjects: [2] are test subjects" in output
    assert "with the former settings `dvc repro` takes them from its cache" in output
    assert not (project.folder / "data/normalized.npz").exists()
    project.run("git", "checkout", "-q", "params.yaml")
    ran, cached = stages_in(project.dvc("repro"))
    assert not ran and cached >= {"settings", "normalization"}
    check(output, "error: ")

    for setting, message in (
        ("model.hidden_size=-3", "error: model.hidden_size=-3: Input should be greater than"),
        ("model.hiden_size=3", "Key 'hiden_size' is not in struct"),
        ("dataset.names=[mnist]", "'mnist' is none of uci_har, hapt"),
        ("dataset.names=[hapt,uci_har]", "hapt and uci_har cannot be used together"),
    ):
        check(project.dvc("exp", "run", "-S", setting, fails=True), message)
    params = project.folder / "params.yaml"
    params.write_text(params.read_text().replace("cell: lstm", "cell: lstmm"))
    message = "error: model.cell=lstmm: Input should be 'lstm' or 'gru'"
    check(project.call("train", fails=True), message)


@pytest.mark.slow
def test_a_training_that_is_killed_loses_nothing(project):
    """Curves are there while it runs; DVC's death is its own; and what was there comes back."""
    before = {path: (project.folder / path).read_bytes() for path in CONTRACT}
    params, history = project.folder / "params.yaml", project.folder / "reports/history.csv"

    def training(shell: str) -> tuple[psutil.Popen, psutil.Process]:
        """DVC and its training of many epochs, some of them done."""
        params.write_text(params.read_text().replace("epochs: 2", "epochs: 9999"))
        dvc = psutil.Popen(
            [sys.executable, "-m", "dvc", "repro"],
            cwd=project.folder,
            env=project.environment | {"SHELL": shell},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            time.sleep(0.5)
            if (project.folder / "models/weights.safetensors").exists() or not history.exists():
                continue
            if len(pd.read_csv(history)) >= 2:
                break
        (stage,) = (each for each in dvc.children(True) if "stages.train" in each.cmdline())
        return dvc, stage

    def assert_all_comes_back() -> None:
        project.run("git", "restore", "params.yaml")
        ran, cached = stages_in(project.dvc("repro"))
        assert not ran and cached >= {"train"}
        assert before == {path: (project.folder / path).read_bytes() for path in CONTRACT}

    dvc, stage = training("/bin/sh")  # which may stay between the two
    dvc.kill()
    dvc.wait()
    stage.wait(30)
    assert not list((project.folder / "reports").glob(".*.partial"))
    assert_all_comes_back()

    dvc, stage = training("/bin/bash")
    stage.kill()
    assert dvc.wait(60) != 0
    assert_all_comes_back()
    assert project.run("git", "status", "--porcelain") == ""


def test_pushed_results_need_no_archive_on_a_second_clone(project, tmp_path):
    project.dvc("remote", "add", "--default", "storage", str(tmp_path / "storage"))
    project.commit("a remote")
    project.dvc("push")
    second = project.clone(tmp_path / "second")
    second.dvc("pull")
    output = second.dvc("repro")
    assert "Running stage" not in output
    assert second.run("git", "status", "--porcelain") == ""
    for path in CONTRACT:
        assert (second.folder / path).read_bytes() == (project.folder / path).read_bytes()


@pytest.mark.parametrize(
    ("path", "stage"),
    [
        ("data/raw/simulated/train/y_train.txt", "windowing"),
        ("data/windows.npz", "normalization"),
        ("data/normalized.npz", "train"),
        ("models/weights.safetensors", "package"),
        ("models/model.onnx", "evaluate"),
        ("reports/predictions.csv", "plots"),
        ("models/bundle.json", "plots"),
    ],
)
def test_a_damaged_input_is_one_line(project, path, stage):
    damaged = project.folder / path
    damaged.write_bytes(damaged.read_bytes()[:7])
    output = project.call(stage, fails=True)
    assert output.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in output


def test_repro_without_the_archive_fails_with_the_two_ways_on(finished):
    output = (finished.folder.parent / "repro.txt").read_text()
    assert "error: UCI HAR cannot be found" in output
    assert "HAR_ARCHIVE_DIR" in output
    assert "dvc exp run -S 'dataset.names=[simulated]'" in output
    assert "Traceback" not in output


def test_make_run_without_the_archive_says_so_and_runs_on_simulated_recordings(finished):
    output = (finished.folder.parent / "run.txt").read_text()
    assert "SIMULATED recordings instead" in output
    params = finished.read("params.yaml")
    assert yaml.safe_load(params) == yaml.safe_load(
        finished.run("git", "show", "HEAD~1:params.yaml").replace("uci_har", "simulated")
    )
    assert "simulated: accuracy" in output.splitlines()[-2]
    assert json.loads(finished.read("reports/metrics.json"))["dataset"] == "simulated"
    assert json.loads(finished.read("reports/test.json"))["dataset"] == "simulated"
    assert {run["tags"]["dataset"] for run in mlflow_runs(finished)} == {"simulated"}


def test_make_run_takes_no_settings(finished):
    assert "error: " in finished.stage("", "--train.epochs", "3", fails=True)


def test_a_stage_stands_alone_and_other_windows_work_all_the_way(tmp_path):
    """Without DVC: every stage by hand, with windows of 200 samples of the accelerometer alone."""
    project = Project.copy(tmp_path / "project", tmp_path, SMALL | {"simulated.seconds": 10})
    arguments = ["--windowing.size", "200", "--windowing.channels", "[total_acc, acc_norm]"]
    arguments += ["--split.val_subjects", "0", "--train.keep", "last", "--model.cell", "gru"]
    project.stage(STAGES[0], *arguments)  # in a process of its own, as the rest in `finished`
    for stage in STAGES[1:]:
        project.call(stage, *arguments)
    metrics = json.loads(project.read("reports/metrics.json"))
    assert list(metrics) == ["dataset", "parameters", "train"]  # there are no validation people
    training = json.loads(project.read("models/bundle.json"))["training"]
    assert (training["window_size"], training["network"]["cell"]) == (200, "gru")
    assert training["channels"] == ["total_acc_x", "total_acc_y", "total_acc_z", "acc_norm"]
    assert all((project.folder / path).exists() for path in CONTRACT)


@pytest.mark.slow
def test_data_sets_are_used_together_and_own_recordings_are_a_dependency(project):
    times = np.arange(1500) / 50
    own = project.folder / "data/own/anna/pocket"
    rates = np.zeros((len(times), 3))
    labels = np.where(times < 15, ACTIVITIES.index("SITTING"), ACTIVITIES.index("RUNNING"))
    phone_files.write(own / "a.csv", times, rates + [0, 1, 0], rates, labels)
    together = "dataset.names=[simulated,recordings]"
    said = project.dvc("exp", "run", "-S", together)
    assert "Running stage 'plots'" in said
    assert json.loads(project.read("reports/metrics.json"))["dataset"] == "simulated+recordings"
    predictions = pd.read_csv(project.folder / "reports/predictions.csv")
    assert "RUNNING" in predictions.columns
    made = windows.load(project.folder / "data/windows.npz")[0]
    assert made.activities.tolist() == [*UCI_HAR_ACTIVITIES, "RUNNING"]
    assert set(made.placement[made.dataset == "recordings"]) == {"pocket"}
    assert not (made.subject[made.dataset == "simulated"] > 1000).any()
    assert project.dvc("status").strip().endswith("up to date.")
    (own / "a.csv").rename(own / "b.csv")
    assert "data/own" in project.dvc("status")
    # A set that is no longer chosen leaves nothing behind.
    project.call("download", "--dataset.names", "[simulated]")
    assert [each.name for each in (project.folder / "data/raw").iterdir()] == ["simulated"]


def test_smoothing_is_an_option_that_leaves_the_windows_own_scores_alone(project):
    before = json.loads(project.read("reports/test.json"))
    project.call("evaluate", "--evaluation.smoothing", "false")
    after = json.loads(project.read("reports/test.json"))
    assert after == {name: value for name, value in before.items() if name != "smoothed"}


@pytest.mark.slow
def test_named_experiments_are_run_tracked_and_gone_on_with(project):
    tiny = {
        "own": {"tiny": {"settings": {"model.hidden_size": 4, "windowing.channels": ["gyro"]}}},
        "readme": {"other": {"settings": {"model.name": "recurrent"}, "claimed": 0.9}},
    }
    (project.folder / "experiments/configurations.yaml").write_text(yaml.safe_dump(tiny))
    shutil.rmtree(project.folder / "experiments/trials", ignore_errors=True)
    params = project.folder / "params.yaml"
    one_by_one = yaml.safe_load(params.read_text())
    one_by_one["workers"]["jobs"] = 1  # no further processes, each of which imports PyTorch
    params.write_text(yaml.safe_dump(one_by_one))
    command = ("-m", "experiments", "tiny", "--test-seeds", "1")
    project.run(sys.executable, *command)

    stored = sorted(path.name for path in (project.folder / "experiments/trials/tiny").iterdir())
    assert stored == [*(f"fold{n}of5-seed0.json" for n in range(5)), "test-seed0.json"]
    table = pd.read_csv(project.folder / "reports/experiments.csv")
    assert table.columns.tolist() == [
        "name",
        "parameters",
        "device",
        "train_seconds",
        "cv_accuracy",
        "cv_accuracy_low",
        "cv_accuracy_high",
        "cv_f1",
        "test_seeds",
        "test_accuracy",
        "test_accuracy_sd",
        "test_f1",
        "worst_subject_accuracy",
    ]
    (row,) = table.to_dict("records")
    assert (row["name"], row["test_seeds"]) == ("tiny", 1)
    assert row["cv_accuracy_low"] <= row["cv_accuracy"] <= row["cv_accuracy_high"]

    runs = mlflow_runs(project)
    (parent,) = (run for run in runs if run["tags"].get("crossval") == "tiny")
    children = [run for run in runs if run["tags"].get("mlflow.parentRunId") == parent["id"]]
    assert len(children) == 6
    assert parent["metrics"]["cv/accuracy"] == pytest.approx(row["cv_accuracy"], abs=1e-5)

    # What is stored is not trained again, also where one was lost.
    (project.folder / "experiments/trials/tiny/fold3of5-seed0.json").unlink()
    output = project.run(sys.executable, *command)
    assert "tiny: 6 trainings, 5 of them stored" in output
    assert pd.read_csv(project.folder / "reports/experiments.csv").equals(
        table.assign(
            train_seconds=pd.read_csv(project.folder / "reports/experiments.csv")["train_seconds"]
        )
    )
    # Other settings under the same name are refused, and nothing is mixed.
    output = project.run(
        sys.executable, "-m", "experiments.crossval", "--crossval.name", "tiny", fails=True
    )
    assert "holds trainings with another model.hidden_size" in output
    assert "Traceback" not in output
    output = project.run(sys.executable, "-m", "experiments", "nothing", fails=True)
    assert "error: no configuration nothing; there are tiny, other" in output
