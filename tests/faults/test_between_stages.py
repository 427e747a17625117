"""Files between the stages: what is wrong with one is a line, and nothing is made of half of it."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from project import ROOT

from har.errors import HarError
from har.evaluation import data_figures, model_figures
from stages import common
from stages.__main__ import check_holders, check_lock
from stages.reports import read_history, read_metrics, read_scores

TABLES = ("history.csv", "predictions.csv", "per_class.csv", "per_subject.csv")


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("lines", [0.0, 0.5, -1])
@pytest.mark.parametrize("torn", [False, True])
def test_a_table_that_is_cut_off_is_not_drawn(finished, tmp_path, monkeypatch, name, lines, torn):
    reports = copy_of_reports(finished, tmp_path, monkeypatch)
    path = reports / name
    rows = path.read_text().splitlines(keepends=True)
    kept = "".join(rows[: int(lines * len(rows)) if lines >= 0 else int(lines)])
    if name == "history.csv" and not torn and kept.count("\n") > 1:
        pytest.skip("a shorter training would leave the same: `stages.plots` counts the epochs")
    path.write_text(kept[:-9] if torn else kept)
    with pytest.raises(HarError, match=r"reports/\w+\.csv is damaged") as caught:
        read(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("predictions.csv", "actual", "truth"),
        ("predictions.csv", "\n", ",7\n"),
        ("predictions.csv", "0.", "nan"),
        ("predictions.csv", "0.", "-0."),
        ("predictions.csv", "0.", "9."),
        ("predictions.csv", "SITTING", "FLYING"),
        ("per_class.csv", "support", "windows"),
        ("per_class.csv", "SITTING", "LAYING"),
        ("per_class.csv", "\n", "1\n"),
        ("per_subject.csv", "windows", "support"),
        ("per_subject.csv", "\n", "1\n"),
        ("per_subject.csv", "\n", "\n02,1,1\n"),
        ("history.csv", "train_loss", "loss"),
        ("history.csv", "\n2,", "\n3,"),
        ("history.csv", "\n1,", "\n1,-"),
        ("history.csv", "\n1,", "\n1,much"),
    ],
)
def test_a_table_of_other_columns_or_values_is_one_line(
    finished, tmp_path, monkeypatch, name, old, new
):
    path = copy_of_reports(finished, tmp_path, monkeypatch) / name
    text = path.read_text()
    assert old in text
    head, separator, rest = text.partition("\n")
    changed = head.replace(old, new) + separator + rest
    path.write_text(changed if changed != text else text.replace(old, new))
    with pytest.raises(HarError, match=r"is damaged \(.*\): delete it and run") as caught:
        read(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "NaN", '{"dataset": 3}', '{"dataset": "a", "test": 3}']
)
def test_scores_that_are_none_are_one_line(finished, tmp_path, monkeypatch, content):
    reports = copy_of_reports(finished, tmp_path, monkeypatch)
    read_metrics()
    whole = json.loads((reports / "test.json").read_text())
    for written in (content, json.dumps(whole | {"test": {"accuracy": float("nan")}})):
        (reports / "test.json").write_text(written)
        with pytest.raises(HarError, match=r"test\.json is damaged: delete it"):
            read_metrics()


def copy_of_reports(finished, tmp_path, monkeypatch):
    reports = tmp_path / "reports"
    reports.mkdir()
    for name in (*TABLES, "metrics.json", "test.json"):
        (reports / name).write_bytes((finished.folder / "reports" / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    for name in TABLES:
        read(name)  # as it is, each is in order
    return reports


def read(name):
    return read_history() if name == "history.csv" else read_scores()


@pytest.mark.parametrize("content", ["", "schema: '2.0'\nstages:\n  train:\n    cm", "a: [", "3"])
def test_a_lock_that_was_cut_off_is_named_with_the_way_back(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    git = ("git", "-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    subprocess.run([*git, "init", "-q"], check=True)
    check_lock()  # nothing has been made yet
    common.LOCK.write_text(content)
    with pytest.raises(HarError, match="dvc.lock is damaged.*: `rm dvc.lock`; then `make run`$"):
        check_lock()
    common.LOCK.write_bytes((ROOT / "dvc.lock").read_bytes())
    check_lock()
    subprocess.run([*git, "add", "dvc.lock"], check=True)
    subprocess.run([*git, "commit", "-qm", "a run"], check=True)
    common.LOCK.write_text(content)
    with pytest.raises(HarError, match="damaged.*: `git checkout dvc.lock` brings .* `make run`$"):
        check_lock()


@pytest.mark.parametrize("content", [b"", b'{"write": {}, "re', bytes(4)])
@pytest.mark.parametrize("below", ["", "anyone"])
def test_a_file_of_who_holds_what_that_was_cut_off_is_named_likewise(
    tmp_path, monkeypatch, content, below
):
    """DVC, killed while it writes it, ends with every later run until it is gone."""
    holders = tmp_path / ".dvc/tmp/rwlock"
    holders.parent.mkdir(parents=True)
    (tmp_path / below).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / below)
    check_holders()
    holders.write_text('{"write": {}, "read": {}}')
    check_holders()
    holders.write_bytes(content)
    with pytest.raises(HarError, match=r"rwlock is damaged.*`rm \S+rwlock`; then `m") as caught:
        check_holders()
    assert "\n" not in str(caught.value)
    Path(str(caught.value).split("`rm ")[1].split("`")[0]).unlink()
    check_holders()


def test_a_stage_whose_terminal_closes_leaves_nothing_half_written(project):
    """As with Ctrl-C and `kill`, which other tests do."""
    before = {path: path.read_bytes() for path in (project.folder / "models").iterdir()}
    process = start(project, "train", "--train.epochs", "500")
    history = project.folder / "reports/history.csv"
    whole = history.read_bytes()
    wait_for(lambda: history.read_bytes() != whole)
    process.send_signal(signal.SIGHUP)
    assert process.wait(30) == 129
    assert history.read_bytes() == whole
    assert {path: path.read_bytes() for path in (project.folder / "models").iterdir()} == before
    assert not list(project.folder.rglob("*.partial"))


@pytest.mark.parametrize(
    ("stage", "path", "source"),
    [
        ("normalization", common.WINDOWS, common.NORMALIZED),
        ("explore", common.WINDOWS, common.NORMALIZED),
        ("explore", common.NORMALIZED, common.WINDOWS),
        ("train", common.NORMALIZED, common.WINDOWS),
        ("package", common.NORMALIZED, common.WINDOWS),
        ("evaluate", common.NORMALIZED, common.WINDOWS),
        ("evaluate", common.WINDOWS, common.NORMALIZED),
    ],
)
def test_measured_windows_are_not_taken_for_scaled_ones_nor_these_for_those(
    project, stage, path, source
):
    (project.folder / path).write_bytes((project.folder / source).read_bytes())
    output = project.call(stage, fails=True)
    assert re.fullmatch(rf"error: {path} holds .*scaled.*: delete it and run .*\n", output)


@pytest.mark.parametrize("broken", [(Figure, "savefig"), (Path, "replace")])
@pytest.mark.parametrize(
    ("stage", "figures", "names"),
    [
        ("explore", data_figures, common.DATA_FIGURES),
        ("plots", model_figures, common.MODEL_FIGURES),
    ],
)
def test_pictures_of_a_stage_are_all_new_or_all_old(
    project, monkeypatch, stage, figures, names, broken
):
    for name in names:  # quickly drawn
        monkeypatch.setattr(figures, name, lambda *_: Figure((1, 1)))
    of_a_stage_that_fails(
        project, monkeypatch, stage, [common.FIGURES / f"{name}.png" for name in names], broken
    )


@pytest.mark.parametrize("broken", [(pd.DataFrame, "to_csv"), (Path, "replace")])
@pytest.mark.parametrize("order", [1, -1])
def test_tables_of_an_evaluation_are_all_new_or_all_old(project, monkeypatch, broken, order):
    paths = (common.PREDICTIONS, common.METRICS, common.TEST, common.PER_CLASS, common.PER_SUBJECT)
    of_a_stage_that_fails(project, monkeypatch, "evaluate", paths[::order], broken)


def of_a_stage_that_fails(project, monkeypatch, stage, outputs, broken):
    """It fails in the last of its files, in writing it or in putting it into its place."""
    paths = [project.folder / path for path in outputs]
    for path in paths:
        path.write_text("old")
    usual, failed = getattr(*broken), []

    def failing(self, path, *arguments, **more):
        is_last = Path(path).name == paths[-1].name
        in_place = ".partial" not in str(path)
        if is_last and in_place == (broken[1] == "replace") and not failed:
            failed.append(path)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return usual(self, path, *arguments, **more)

    monkeypatch.setattr(*broken, failing)
    output = project.call(stage, fails=True)
    assert f"{paths[-1].name}: No space left on device" in output and "Traceback" not in output
    assert failed and {path.read_text() for path in paths} == {"old"}
    assert not list(project.folder.rglob("*.partial"))


def test_under_nohup_the_end_of_the_terminal_ends_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["stage"])
    (tmp_path / "params.yaml").write_text("{}")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.getsignal(signal.SIGTERM)
    try:
        common.run(lambda _: os.kill(os.getpid(), signal.SIGHUP))
    finally:
        signal.signal(signal.SIGHUP, before[0])
        signal.signal(signal.SIGTERM, before[1])


def start(project, stage, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", f"stages.{stage}", *arguments],
        cwd=project.folder,
        env=project.environment | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # These tests may run under `nohup`.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )


def wait_for(ready):
    end = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_history_without_its_last_epochs_is_not_drawn(project):
    history = project.folder / "reports/history.csv"
    history.write_text("".join(history.read_text().splitlines(keepends=True)[:-1]))
    output = project.call("plots", fails=True)
    assert "error: reports/history.csv is damaged: delete it and run `dvc repro`" in output
