"""MLflow: where runs go, and what they are made of. Nothing else in `har` knows MLflow, but for
the model that it keeps (`har.mlflow_model`).

MLflow watches and does not decide: files are written before it is called, and what goes wrong with
it is a warning (`watched`).
"""

import json
import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from har.errors import HarError
from har.files import replacing_file

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

logger = logging.getLogger(__name__)

EXPERIMENT = "human-activity-recognition"
"""MLflow experiment, unless `MLFLOW_EXPERIMENT_NAME` names another."""

STORE, ARTIFACTS = "mlflow.db", "mlruns"
"""The local database, and the folder beside it for files."""


@contextmanager
def watched(what: str, remedy: str) -> Iterator[None]:
    """Turn whatever goes wrong with MLflow into a warning.

    Args:
        what: What MLflow was to take.
        remedy: How to deliver it later.
    """
    try:
        yield
    except Exception as error:
        warn(error, what, remedy)


def warn(error: Exception, what: str, remedy: str) -> None:
    """Say in a line what went wrong with MLflow."""
    uri = re.sub("//[^/]*@", "//", os.environ.get("MLFLOW_TRACKING_URI") or STORE)
    reason = " ".join(str(error).split()).partition(" [SQL:")[0] or type(error).__name__
    logger.warning("MLflow at %s did not take %s (%.300s); %s", uri, what, reason, remedy)


class Tracker:
    """MLflow's store, with the experiment that all runs go to.

    Making one and using it raises what MLflow and its libraries raise: do it within `watched`.

    Args:
        root: Folder of the local store, unless `MLFLOW_TRACKING_URI` names another.
        source: The program, as runs name it.
    """

    def __init__(self, root: Path, source: str) -> None:
        # Unless the person says otherwise: no usage reports, and no minutes of retries when nobody
        # answers.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        import mlflow  # two seconds: only where it is used

        for chatty in ("alembic", "mlflow"):  # of a new store's tables, and what is raised too
            logging.getLogger(chatty).setLevel(logging.CRITICAL)
        uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{STORE}"
        database = None
        if uri.startswith("sqlite:///"):  # no path stays relative: DVC may work in a copy
            database = root.absolute() / uri.removeprefix("sqlite:///")
            uri = f"sqlite:///{database}"
        served = uri.startswith(("http:", "https:", "databricks"))
        if not served:
            from mlflow.store.db import utils

            utils.MAX_RETRY_COUNT = 1  # of opening a database: ten are two minutes
        mlflow.set_tracking_uri(uri)
        self.source = source
        # Processes that meet a fresh SQLite store at once break it, whatever checkouts they are of.
        with FileLock(f"{database}.lock", timeout=60) if database else nullcontext():
            if database and not database.exists():
                # MLflow takes seconds for it, and a store cut short is refused ever after.
                with replacing_file(database) as partial:
                    mlflow.MlflowClient(f"sqlite:///{partial}").search_experiments(max_results=1)
            self.client = mlflow.MlflowClient()
            # Left to MLflow, files would lie below today's working directory for good.
            folder = database.parent if database else root.absolute()
            self.experiment_id = self._experiment(None if served else folder / ARTIFACTS)
        mlflow.set_experiment(experiment_id=self.experiment_id)  # where models go

    def _experiment(self, folder: Path | None) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        location = folder.as_uri() if folder else None
        found = self.client.get_experiment_by_name(name)
        if found is None:
            return str(self.client.create_experiment(name, location))
        if found.lifecycle_stage == "deleted":
            raise HarError(
                f"its experiment {name} is deleted: bring it back with `mlflow experiments restore "
                f"--experiment-id {found.experiment_id}`, or name another in MLFLOW_EXPERIMENT_NAME"
            )
        if location and found.artifact_location != location:
            logger.warning(
                "MLflow keeps the files of experiment %s in %s, where it was made, not in %s; name "
                "another in MLFLOW_EXPERIMENT_NAME to start afresh",
                *(name, found.artifact_location, location),
            )
        return str(found.experiment_id)

    def start(
        self,
        name: str | None,
        tags: Mapping[str, str],
        parameters: Mapping[str, Any],
        *,
        parent: str | None = None,
        started: int | None = None,
    ) -> str:
        """Begin a run.

        Args:
            name: Of the run; None for one that MLflow makes up.
            tags: Its tags.
            parameters: Settings by name.
            parent: Id of the run to show it below; None for none.
            started: When, ms since 1970; None for now.

        Returns:
            The run's id.
        """
        from mlflow.entities import Param
        from mlflow.tracking.context.registry import resolve_tags

        own = {"mlflow.source.name": self.source, **tags}
        if parent:
            own["mlflow.parentRunId"] = parent
        run = self.client.create_run(self.experiment_id, started, resolve_tags(own), name)
        run_id = str(run.info.run_id)
        given = [Param(key, str(value)) for key, value in parameters.items()]
        self.client.log_batch(run_id, params=given)
        return run_id

    def group(self, name: str) -> str:
        """Id of the run that runs of a group are shown below; made if it is not there."""
        if found := self.newest(group=name):
            return str(found[0].info.run_id)
        run_id = self.start(name, {"group": name}, {})
        self.end(run_id, "FINISHED")
        return run_id

    def newest(self, **tags: str) -> "list[Run]":
        """Runs with these tags, the newest first."""
        return self.client.search_runs(
            [self.experiment_id],
            " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items()),
            order_by=["attributes.start_time DESC"],
        )

    def log_dataset(self, run_id: str, name: str, digest: str, url: str) -> None:
        """Log the data that a run trains on."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(name, digest, "http", json.dumps({"url": url}))
        context = InputTag("mlflow.data.context", "training")
        self.client.log_inputs(run_id, [DatasetInput(dataset, [context])])

    def log(
        self,
        run_id: str,
        rows: Iterable[Mapping[str, Any]],
        *,
        model_id: str | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
    ) -> None:
        """Log metrics.

        Args:
            run_id: The run.
            rows: Metrics by name, and with them `epoch` and `time`, ms since 1970; None and NaN are
                left out.
            model_id: Of the model that they are of.
            dataset_name: Of the data that they are of.
            dataset_digest: Of these data.
        """
        from mlflow.entities import Metric

        of = {"model_id": model_id, "dataset_name": dataset_name, "dataset_digest": dataset_digest}
        points = [
            Metric(name, value, int(row["time"] or 0), int(row["epoch"] or 0), **of)
            for row in rows
            for name, value in row.items()
            if name not in ("epoch", "time") and value is not None and value == value
        ]
        for first in range(0, len(points), 1000):  # MLflow's limit for one call
            self.client.log_batch(run_id, metrics=points[first : first + 1000])

    def system_metrics(self, run_id: str) -> "SystemMetricsMonitor | None":
        """What logs the machine's load from now on until its `finish()`.

        None unless `MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING` asks for it.
        """
        from mlflow.environment_variables import MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING

        if not MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING.get():
            return None
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        monitor = SystemMetricsMonitor(run_id)
        monitor.start()
        return monitor

    def end(self, run_id: str, status: str, **tags: str) -> None:
        """Set tags, and end a run as `FINISHED`, `FAILED` or `KILLED`."""
        for name, value in tags.items():
            self.client.set_tag(run_id, name, value)
        self.client.set_terminated(run_id, status)
