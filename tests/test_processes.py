"""Training on several processes is training on one."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from project import ROOT
from torch import nn

from har.learning import processes

HERE = [sys.executable, "-m", "stages.train"]
# Dropout is each process's own; all else is the same.
SETTINGS = ["--train.epochs", "2", "--model.dropout", "0", "--train.batch_size", "50"]


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_and_one_writes(project):
    def losses(*command: str) -> np.ndarray:
        project.run(*command, *SETTINGS)
        return pd.read_csv(project.folder / "reports/history.csv")["train_loss"].to_numpy()

    alone = losses(*HERE)
    weights = (project.folder / "models/weights.safetensors").read_bytes()
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    shared = losses(*HERE, "--train.processes", "2")
    np.testing.assert_allclose(shared, alone, atol=1e-4)
    assert (project.folder / "models/weights.safetensors").read_bytes() != weights
    np.testing.assert_allclose(losses(*torchrun, "-m", "stages.train"), shared, atol=1e-6)

    before = project.read("reports/history.csv")
    output = project.run(*HERE, "--train.processes=2", "--train.batch_size=1", fails=True)
    assert [line for line in output.splitlines() if "rror" in line] == [
        "error: train.batch_size=1: expected a window for each of the 2 processes"
    ]
    assert project.read("reports/history.csv") == before


def test_normalization_over_processes_is_pytorch_s_where_there_is_one(monkeypatch):
    monkeypatch.setattr(processes.dist, "all_reduce", lambda _: None)
    monkeypatch.setattr(processes.dist, "all_gather", lambda rows, own: rows[0].copy_(own))
    torch.manual_seed(0)
    plain = nn.BatchNorm1d(4)
    plain.weight.data.uniform_()
    shared = processes.SharedBatchNorm1d.of(nn.BatchNorm1d(4))
    shared.load_state_dict(plain.state_dict())
    for shape in ((7, 4, 11), (7, 4)):
        values = (torch.randn(shape) * 3 + 2).requires_grad_()
        again = values.detach().clone().requires_grad_()
        for layer, given in ((plain, values), (shared, again)):
            (layer(given) ** 3).sum().backward()
        torch.testing.assert_close(again.grad, values.grad)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(shared.state_dict()[name], value, msg=name)
    torch.testing.assert_close(shared.eval()(values), plain.eval()(values))


START = (
    "from har.errors import in_one_line as one; from har.learning import processes\n"
    "with one(): processes.start('victim', [], 2, 1)"
)


def options(folder: Path) -> dict[str, Any]:
    """For the start of `victim.py` in this folder, in two processes."""
    return {"cwd": folder, "env": os.environ | {"PYTHONPATH": f"{ROOT}:{folder}"}, "text": True}


def test_a_process_that_is_killed_is_told(tmp_path):
    """It said nothing itself: the training ended without a word."""
    victim = "import os, time\nos.environ['RANK'] == '1' and os.kill(os.getpid(), 9)\n"
    (tmp_path / "victim.py").write_text(victim + "time.sleep(60)\n")
    command = [sys.executable, "-c", START]
    done = subprocess.run(command, **options(tmp_path), capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "error: process 1 of the training was ended by SIGKILL, which the system does where "
        "memory is short: a lower train.processes takes less\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_exit_status_tells_the_signal_that_ended_all(tmp_path, number):
    victim = "import os, time\nprint(os.environ['RANK'], flush=True)\ntime.sleep(60)\n"
    (tmp_path / "victim.py").write_text(victim)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", START], **options(tmp_path), **pipes) as started:
        assert started.stdout.readline() == "0\n"
        started.send_signal(number)
        assert started.wait(30) == 128 + number
