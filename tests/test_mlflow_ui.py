"""`make mlflow`, up to the server itself."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from har.errors import HarError
from har.tracking import EXPERIMENT
from tools import mlflow_ui


def store(path, *names):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE experiments (experiment_id INTEGER, name TEXT)")
        database.executemany("INSERT INTO experiments VALUES (?, ?)", enumerate(names))
    return path


def test_the_runs_of_this_project_are_found(tmp_path, monkeypatch):
    path = store(tmp_path / "mlflow.db", "Default", EXPERIMENT, "mine")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    assert mlflow_ui.experiment_id(path) == 1
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    assert mlflow_ui.experiment_id(path) == 2
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "none")
    with pytest.raises(HarError, match=r"mlflow\.db has no experiment none"):
        mlflow_ui.experiment_id(path)


def test_without_runs_it_is_said_how_to_make_one(tmp_path):
    with pytest.raises(HarError, match="no run is recorded yet: `make run`"):
        mlflow_ui.experiment_id(tmp_path / "mlflow.db")
    (tmp_path / "mlflow.db").write_text("something else, long enough to be read as a header")
    with pytest.raises(HarError, match=r"mlflow\.db is not MLflow's store"):
        mlflow_ui.experiment_id(tmp_path / "mlflow.db")


def test_a_server_s_pages_are_its_own(monkeypatch):
    monkeypatch.setattr("sys.argv", ["mlflow_ui", "5000"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(HarError, match="is http://127.0.0.1:9, which has pages of its own"):
        mlflow_ui.main()


def test_a_taken_port_is_one_line_and_names_the_way_on():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(HarError, match="cannot be used .*`make mlflow PORT=5001`"):
            mlflow_ui.refuse_taken(taken.getsockname()[1])
    with pytest.raises(HarError, match="port 70000 cannot be used"):
        mlflow_ui.refuse_taken(70000)


@pytest.mark.parametrize("arguments", [[], ["http"]])
def test_a_port_is_a_number(monkeypatch, arguments):
    monkeypatch.setattr("sys.argv", ["mlflow_ui", *arguments])
    with pytest.raises(HarError, match="name a port"):
        mlflow_ui.main()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_server_ends_however_the_command_is_ended(tmp_path, number):
    store(tmp_path / "mlflow.db", EXPERIMENT)
    served = tmp_path / "mlflow" / "__main__.py"  # in MLflow's place
    served.parent.mkdir()
    (served.parent / "__init__.py").touch()
    served.write_text("import time; print('serves', flush=True); time.sleep(20)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = subprocess.Popen(
        [sys.executable, "-m", "tools.mlflow_ui", str(port)],
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())]),
            "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
            "MLFLOW_EXPERIMENT_NAME": EXPERIMENT,
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    with command:
        assert command.stdout.readline() == "serves\n"
        command.send_signal(number)
        assert command.stdout.read() == ""  # comes to an end when nobody is left who could write
        assert command.wait(10) == 128 + number
