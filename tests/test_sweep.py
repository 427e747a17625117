"""Sweeps: what is queued, and the table of what came of it. `dvc` itself is stood in for."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from experiments import sweep
from har.errors import HarError

SHOWN = """Experiment,typ,val.accuracy,val.worst,val.f1,val.loss,model.hidden_size,train.seed
,baseline,0.99,0.9,0.9,0.1,64,0
sweep-1,branch_commit,0.90,0.8,0.9,0.3,32,0
sweep-2,branch_commit,0.94,0.8,0.9,0.3,64,0
sweep-3,branch_commit,0.92,0.8,0.9,0.5,32,1
sweep-4,branch_commit,,,,,64,1
sweeper-1,branch_commit,0.1,0.1,0.1,9,32,1
"""


@pytest.fixture
def calls(monkeypatch):
    """Commands that would have been given to DVC."""
    given: list[tuple[str, ...]] = []

    def dvc(*arguments: str) -> str:
        given.append(arguments)
        queued = "".join(f"Queued experiment 'sweep-{number}'\n" for number in range(1, 5))
        return {"list": "other\n", "run": queued, "show": SHOWN}[arguments[1]]

    monkeypatch.setattr(sweep, "dvc", dvc)
    monkeypatch.setattr(subprocess, "run", lambda command, **_: given.append(tuple(command[3:])))
    return given


def test_a_sweep_queues_each_value_with_each_seed_and_shows_mean_and_spread(
    calls, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "argv", ["sweep", "model.hidden_size=32,64", "--seeds", "2"])
    with pytest.raises(HarError, match="some experiments did not finish"):  # the fourth
        sweep.main()
    queue, run = calls[1], calls[2]
    for override in ("model.hidden_size=32,64", "split.val_subjects=5", "train.seed=range(2)"):
        assert queue[queue.index(override) - 1] == "-S"
    assert "train.threads=1" not in queue
    assert run == ("exp", "run", "--run-all", "--jobs", "1")
    rows = capsys.readouterr().out.splitlines()[-2:]
    assert rows[0].split()[:2] == ["64", "1"] and "0.9400 ± –" in rows[0]
    assert rows[1].split()[:2] == ["32", "2"] and "0.9100 ± 0.0141" in rows[1]


def test_trainings_side_by_side_take_a_thread_each(calls, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sweep", "model.hidden_size=32,64", "--jobs", "2"])
    with pytest.raises(HarError):
        sweep.main()
    assert "train.threads=1" in calls[1]


def test_a_table_of_two_settings_has_a_row_for_each_pair():
    runs = [(size, cell, seed) for size in (8, 16) for cell in ("gru", "lstm") for seed in (0, 1)]
    done = pd.DataFrame(runs, columns=["model.hidden_size", "model.cell", "train.seed"])
    for score in sweep.SCORES:
        done[f"val.{score}"] = done["model.hidden_size"] / 100
    table = sweep.table(done, ["model.hidden_size", "model.cell"])
    assert table["trainings"].tolist() == [2, 2, 2, 2]
    assert [pair[0] for pair in table.index] == [16, 16, 8, 8]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model.hidden_size"], "expected SECTION.KEY=VALUE"),
        (["model.hidden_size=8", "--seeds", "0"], "--seeds, --val-subjects and --jobs: expected 1"),
        (["model.hidden_size=8", "--name", "other"], "there are experiments of the name other"),
    ],
)
def test_what_cannot_be_swept_is_one_line(monkeypatch, arguments, message):
    monkeypatch.setattr(sweep, "dvc", lambda *_: "other-1\nmain\n")
    monkeypatch.setattr(sys, "argv", ["sweep", *arguments])
    with pytest.raises(HarError, match=message):
        sweep.main()


def test_outside_a_repository_dvc_says_so(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HarError, match="`dvc exp list` failed: .* repository"):
        sweep.dvc("exp", "list")
