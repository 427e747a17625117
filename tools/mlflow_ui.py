"""Open MLflow's pages on this project's runs: `make mlflow`, or `make mlflow PORT=5001`.

`mlflow ui` begins on a page for chat applications; the address here is that of the runs, in a view
that is saved with the experiment: the columns that matter, the best validation first.
"""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import webbrowser
from contextlib import closing, suppress
from pathlib import Path

import requests

from har.errors import HarError, in_one_line
from har.tracking import EXPERIMENT, STORE

HOST = "127.0.0.1"

VIEW = "validation"
COLUMNS = {
    "metrics": ("val/accuracy", "val/f1", "train/accuracy"),
    "params": ("model.hidden_size", "train.learning_rate", "train.seed"),
    "tags": ("dataset", "notes"),
}


def main() -> None:
    """Serve the pages on the port that the command line names, until Ctrl-C."""
    try:
        port = int(sys.argv[1])
    except (IndexError, ValueError):
        raise HarError("name a port, such as `make mlflow PORT=5001`") from None
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{STORE}"
    if not uri.startswith("sqlite:///"):
        raise HarError(f"MLFLOW_TRACKING_URI is {uri}, which has pages of its own: open them")
    experiment = experiment_id(Path(uri.removeprefix("sqlite:///")))
    refuse_taken(port)
    # One worker: more of them start in turn, and write over the address.
    options = ["--backend-store-uri", uri, "--host", HOST, "--port", str(port), "--workers", "1"]
    command = [sys.executable, "-W", "ignore", "-m", "mlflow", "ui", *options]
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    # In a session of its own: Ctrl-C would have it end with a traceback.
    # So it has to be ended in every case: a closed terminal would leave it on its port.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda ended, _: sys.exit(128 + ended))
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        while server.poll() is None and not answers(port):
            time.sleep(0.2)
        if server.poll() is None:
            save_view(port, experiment)
            page = f"experiments/{experiment}/runs?workflowType=machine_learning"
            address = f"http://{HOST}:{port}/#/{page}&viewStateShareKey={VIEW}"
            print(f"\n{address}   (Ctrl-C ends)\n", flush=True)
            if has_windows():
                webbrowser.open(address)
        sys.exit(server.wait())
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)


def experiment_id(store: Path) -> int:
    """The number of this project's experiment in a store.

    Read from the file: MLflow takes seconds to import.

    Raises:
        HarError: There is no store, or it has no such experiment.
    """
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    if not store.is_file():
        raise HarError(f"{store} is not there, no run is recorded yet: `make run`")
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
            found = database.execute(
                "SELECT experiment_id FROM experiments WHERE name = ?", [name]
            ).fetchone()
    except sqlite3.Error as error:
        raise HarError(f"{store} is not MLflow's store ({error})") from None
    if found is None:
        raise HarError(f"{store} has no experiment {name}: `make run` records one")
    return int(found[0])


def save_view(port: int, experiment: int) -> None:
    """Save the view with the experiment, as the pages themselves do."""
    state = {
        "selectedColumns": [
            f"{kind}.`{name}`" for kind, names in COLUMNS.items() for name in names
        ],
        "orderByKey": "metrics.`val/accuracy`",
        "orderByAsc": False,
    }
    now = int(time.time() * 1000)
    view = {"name": "Validation first", "createdAt": now, "updatedAt": now}
    tag = {
        "experiment_id": str(experiment),
        "key": f"mlflow.sharedViewState.{VIEW}",
        "value": json.dumps(view | {"state": json.dumps(state)}),
    }
    address = f"http://{HOST}:{port}/api/2.0/mlflow/experiments/set-experiment-tag"
    requests.post(address, json=tag, timeout=60).raise_for_status()


def refuse_taken(port: int) -> None:
    """Raise HarError where another program listens on a port already."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise HarError(
            f"port {port} cannot be used ({reason}): choose another, `make mlflow PORT=5001`"
        ) from None


def answers(port: int) -> bool:
    """Whether a program listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def has_windows() -> bool:
    """Whether a browser would open in a window, and not take this terminal."""
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


if __name__ == "__main__":
    with in_one_line("ended"):
        main()
