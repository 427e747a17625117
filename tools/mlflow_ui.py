"""Open MLflow's pages on this project's runs: `make mlflow`, or `make mlflow PORT=5001`.

`mlflow ui` begins on a page for chat applications; the address printed here is that of the runs.
"""

import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from har.errors import HarError, in_one_line
from har.tracking import EXPERIMENT, STORE

HOST = "127.0.0.1"


def main() -> None:
    """Serve the pages on the port that the command line names, until Ctrl-C."""
    try:
        port = int(sys.argv[1])
    except (IndexError, ValueError):
        raise HarError("name a port, such as `make mlflow PORT=5001`") from None
    experiment = experiment_id(Path(STORE))
    refuse_taken(port)
    print(f"http://{HOST}:{port}/#/experiments/{experiment}/runs   (Ctrl-C ends)", flush=True)
    command = ["--backend-store-uri", f"sqlite:///{STORE}", "--host", HOST, "--port", str(port)]
    sys.exit(subprocess.call([sys.executable, "-m", "mlflow", "ui", *command]))


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


if __name__ == "__main__":
    with in_one_line("ended"):
        main()
