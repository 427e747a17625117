"""`make mlflow`, up to the server itself."""

import socket
import sqlite3

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
