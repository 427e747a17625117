"""Open MLflow's pages on this project's runs: `make mlflow`, or `make mlflow PORT=5001`.

`mlflow ui` begins on a page for chat applications; the address here is that of the runs, with the
columns that matter.
"""

import os
import socket
import sqlite3
import subprocess
import sys
import time
import webbrowser
from contextlib import closing
from pathlib import Path

from har.errors import HarError, in_one_line
from har.tracking import EXPERIMENT, STORE, VIEW

HOST = "127.0.0.1"


def main() -> None:
    """Serve the pages on the port that the command line names, until Ctrl-C."""
    try:
        port = int(sys.argv[1])
    except (IndexError, ValueError):
        raise HarError("name a port, such as `make mlflow PORT=5001`") from None
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{STORE}"
    if not uri.startswith("sqlite:///"):
        raise HarError(f"MLFLOW_TRACKING_URI is {uri}, which has pages of its own: open them")
    page = runs_page(Path(uri.removeprefix("sqlite:///")))
    refuse_taken(port)
    # One worker: more of them start in turn, and write over the address.
    options = ["--backend-store-uri", uri, "--host", HOST, "--port", str(port), "--workers", "1"]
    command = [sys.executable, "-W", "ignore", "-m", "mlflow", "ui", *options]
    with subprocess.Popen(command, env=os.environ | {"PYTHONWARNINGS": "ignore"}) as server:
        while server.poll() is None and not answers(port):
            time.sleep(0.2)
        if server.poll() is None:
            address = f"http://{HOST}:{port}/#/{page}"
            print(f"\n{address}   (Ctrl-C ends)\n", flush=True)
            if has_windows():
                webbrowser.open(address)
        sys.exit(server.wait())


def runs_page(store: Path) -> str:
    """The page of this project's runs in a store.

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
                "SELECT experiments.experiment_id, key FROM experiments LEFT JOIN experiment_tags "
                "ON experiment_tags.experiment_id = experiments.experiment_id AND key = ? "
                "WHERE name = ?",
                [VIEW, name],
            ).fetchone()
    except sqlite3.Error as error:
        raise HarError(f"{store} is not MLflow's store ({error})") from None
    if found is None:
        raise HarError(f"{store} has no experiment {name}: `make run` records one")
    number, tag = found
    view = f"&viewStateShareKey={VIEW.rpartition('.')[2]}" if tag else ""
    return f"experiments/{number}/runs?workflowType=machine_learning{view}"


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
