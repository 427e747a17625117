"""MLflow: one run per training, filled in by the stages that follow. Nothing else here knows
MLflow.

MLflow watches and does not decide: the files are written before it is called, and what goes wrong
with it is a warning.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from filelock import FileLock

from har.files import replacing_file, sha256
from har.model.bundle import DESCRIPTION, MODEL, describe, digest

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

logger = logging.getLogger(__name__)

EXPERIMENT = "human-activity-recognition"
"""MLflow experiment, unless `MLFLOW_EXPERIMENT_NAME` names another."""

STORE, ARTIFACTS = "mlflow.db", "mlruns"


@dataclass(frozen=True)
class Outputs:
    """What the stages left behind: the files that a run is made of."""

    bundle: Path
    weights: Path
    history: Path
    metrics: Path
    predictions: Path
    per_class: Path
    per_subject: Path
    figures: tuple[Path, ...]

    @property
    def reports(self) -> tuple[Path, ...]:
        """What evaluation writes."""
        return (self.metrics, self.predictions, self.per_class, self.per_subject)


@dataclass(frozen=True)
class Origin:
    """Where a run comes from.

    Attributes:
        root: Folder of the local store, unless `MLFLOW_TRACKING_URI` names another.
        experiment: Name of the DVC experiment, or None outside of one.
        commit: The commit it started from.
    """

    root: Path
    experiment: str | None
    commit: str


@dataclass(frozen=True)
class Child:
    """A training within a cross-validation."""

    name: str
    tags: dict[str, str]
    metrics: dict[str, float]
    parameters: dict[str, Any]


def record(stage: str, outputs: Outputs, parameters: dict[str, Any], origin: Origin) -> None:
    """Bring the MLflow run of the model up to date with what a stage has just made.

    The run is found by the model's digest, not by a stored id, so that a model brought back from a
    cache or another machine is no obstacle. A run that already holds another outcome of this stage
    stays as it is: a new run takes the new one.

    Args:
        stage: `"package"`, `"evaluate"` or `"plots"`.
        outputs: The files.
        parameters: Every setting by its dotted name; those that the model was trained with
            come before them.
        origin: Where the run comes from.
    """
    _watched(
        f"{stage} run",
        origin,
        lambda store: _Recorder(store, outputs, parameters).record(stage),
    )


def record_crossval(
    name: str,
    metrics: Mapping[str, float],
    parameters: dict[str, Any],
    children: Sequence[Child],
    origin: Origin,
) -> None:
    """Record a cross-validation: a run of its own, and a child run per training.

    One that is recorded already, with the same children, is left as it is.

    Args:
        name: Of the configuration.
        metrics: Of all trainings together.
        parameters: Every setting by its dotted name.
        children: The trainings.
        origin: Where they come from.
    """
    _watched(
        "crossval run",
        origin,
        lambda store: _record_crossval(store, name, metrics, parameters, children),
    )


def _watched(what: str, origin: Origin, work: "Callable[[_Store], None]") -> None:
    """Do something with MLflow; whatever goes wrong is a warning."""
    # Unless the person says otherwise: no usage reports, and no minutes of retries when nobody
    # answers.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    uri = _tracking_uri(origin.root)
    try:
        # Processes that meet a fresh SQLite store at once break it, and later lock each other out.
        local = not uri.startswith(("http:", "https:", "databricks"))
        with FileLock(origin.root / f"{STORE}.lock", timeout=300) if local else nullcontext():
            _create_whole(uri)
            work(_Store(uri, local, origin))
    except Exception as error:
        reason = " ".join(str(error).split())
        logger.warning(
            "MLflow at %s did not take this %s (%.300s); "
            "the files are written, the pipeline goes on",
            uri,
            what,
            reason,
        )


def _tracking_uri(root: Path) -> str:
    """Where runs go: DVC may be working in a temporary copy, so no path is left relative."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{STORE}"
    scheme, separator, path = uri.partition(":///")
    if scheme == "sqlite" and separator and not path.startswith("/"):
        return f"sqlite:///{root / path}"
    return uri


def _create_whole(uri: str) -> None:
    """Make the tables of a new SQLite store under another name and rename it.

    MLflow takes seconds for it, and a store whose making was cut short is refused ever after.
    """
    path = Path(uri.removeprefix("sqlite:///"))
    if not uri.startswith("sqlite:///") or path.exists():
        return
    with replacing_file(path) as partial:
        _client(f"sqlite:///{partial}").search_experiments(max_results=1)


def _client(uri: str) -> "MlflowClient":
    from mlflow.tracking import MlflowClient  # two seconds: only where it is used

    for chatty in ("alembic", "mlflow"):  # lines about the tables of a new store
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=uri)


class _Store:
    """MLflow's store, with the experiment that all runs go to."""

    def __init__(self, uri: str, local: bool, origin: Origin) -> None:
        self.client = _client(uri)
        self.origin = origin
        self.dvc_experiment = origin.experiment or "workspace"
        self.experiment_id = self._experiment(local)

    def newest_run(self, **tags: str) -> "Run | None":
        """The latest run of this DVC experiment that has these tags."""
        wanted = {**tags, "dvc_experiment": self.dvc_experiment}
        found = self.client.search_runs(
            [self.experiment_id],
            " and ".join(f"tags.`{name}` = '{value}'" for name, value in wanted.items()),
            max_results=1,
            order_by=["attributes.start_time DESC"],
        )
        return found[0] if found else None

    def new_run(self, name: str | None, source: str, **tags: str) -> str:
        """Begin a run."""
        run = self.client.create_run(
            self.experiment_id,
            run_name=name,
            tags={
                "mlflow.user": os.environ.get("USER") or os.environ.get("USERNAME") or "unknown",
                "mlflow.source.name": source,
                "mlflow.source.type": "LOCAL",
                "mlflow.source.git.commit": self.origin.commit,
                "dvc_experiment": self.dvc_experiment,
                "baseline_commit": self.origin.commit,
                **tags,
            },
        )
        run_id: str = run.info.run_id
        return run_id

    def _experiment(self, local: bool) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        experiment = self.client.get_experiment_by_name(name)
        here = (self.origin.root / ARTIFACTS).as_uri()
        if experiment is not None:
            if local and experiment.artifact_location != here:
                logger.warning(
                    "MLflow keeps this experiment's files in %s, where it was first made; to start "
                    "afresh here, delete %s or set MLFLOW_EXPERIMENT_NAME",
                    experiment.artifact_location,
                    STORE,
                )
            return experiment.experiment_id
        # Left to MLflow, a local store's artifacts would lie below today's working directory for
        # good.
        location = here if local else None
        # The kind opens MLflow's pages at the runs, not at the traces of a chat application.
        tags = {"mlflow.experimentKind": "custom_model_development"}
        return self.client.create_experiment(name, artifact_location=location, tags=tags)


def _record_crossval(
    store: _Store,
    name: str,
    metrics: Mapping[str, float],
    parameters: dict[str, Any],
    children: Sequence[Child],
) -> None:
    from mlflow.entities import Metric, Param

    def log(run_id: str, values: Mapping[str, float], settings: Mapping[str, Any]) -> None:
        now = int(time.time() * 1000)
        store.client.log_batch(
            run_id,
            metrics=[Metric(key, value, now, 0) for key, value in values.items()],
            params=[Param(key, str(value)) for key, value in settings.items()],
        )

    outcome = hashlib.sha256(repr((name, children)).encode()).hexdigest()
    if store.newest_run(crossval=name, outcome=outcome):
        return
    parent = store.new_run(f"crossval-{name}", "experiments.crossval", crossval=name)
    for child in children:
        run_id = store.new_run(
            child.name, "experiments.crossval", **{"mlflow.parentRunId": parent}, **child.tags
        )
        log(run_id, child.metrics, child.parameters)
        store.client.set_terminated(run_id)
    log(parent, metrics, parameters)
    # Last, so that a record that was cut short is not taken for a whole one.
    store.client.set_tag(parent, "outcome", outcome)
    store.client.set_terminated(parent)


class _Recorder:
    def __init__(self, store: _Store, outputs: Outputs, parameters: dict[str, Any]) -> None:
        self.store, self.client = store, store.client
        self.outputs = outputs
        self.description = describe(outputs.bundle)
        self.parameters = parameters | self.description.training.settings
        self.model_hash = digest(outputs.bundle)
        self.steps: dict[str, tuple[Callable[[str], None], tuple[Path, ...]]] = {
            "package": (self._log_training, (outputs.history,)),
            "evaluate": (self._log_evaluation, outputs.reports),
            "plots": (self._log_figures, outputs.figures),
        }

    def record(self, stage: str) -> None:
        newest = self.store.newest_run(model_hash=self.model_hash)
        tags: dict[str, str] = newest.data.tags if newest else {}
        if stage == "package" or newest is None:
            run_id, tags = self._new_run(), {}
        elif tags.get(f"har.{stage}") == self._outcome(stage):
            return
        elif f"har.{stage}" in tags:
            run_id, tags = self._new_run(), {}
        else:
            run_id = newest.info.run_id
        for earlier in self.steps:
            if f"har.{earlier}" not in tags:
                log, _ = self.steps[earlier]
                log(run_id)
                self.client.set_tag(run_id, f"har.{earlier}", self._outcome(earlier))
            if earlier == stage:
                break
        self.client.set_terminated(run_id)

    def _outcome(self, stage: str) -> str:
        """Digest of the files that a stage contributes."""
        _, paths = self.steps[stage]
        return "-".join(sha256(path)[:8] for path in paths)

    def _new_run(self) -> str:
        return self.store.new_run(
            self.store.origin.experiment,
            "stages.package",
            dataset=self.description.training.dataset,
            dataset_digest=self.description.training.dataset_digest,
            model_hash=self.model_hash,
        )

    def _log_training(self, run_id: str) -> None:
        from mlflow.entities import Metric, Param

        parameters = [Param(name, str(value)) for name, value in self.parameters.items()]
        history = pd.read_csv(self.outputs.history)
        now = int(time.time() * 1000)
        points = [
            Metric(str(name), float(value), now, int(row["epoch"]))
            for _, row in history.iterrows()
            for name, value in row.drop("epoch").items()
            if pd.notna(value)
        ]
        self.client.log_batch(run_id, params=parameters)
        for first in range(0, len(points), 1000):  # MLflow's limit for one call
            self.client.log_batch(run_id, metrics=points[first : first + 1000])
        self.client.log_artifact(run_id, str(self.outputs.history), "reports")
        bundle = self.outputs.bundle
        for path in (bundle / DESCRIPTION, bundle / MODEL, self.outputs.weights):
            self.client.log_artifact(run_id, str(path), "model")

    def _log_evaluation(self, run_id: str) -> None:
        from mlflow.entities import Metric

        metrics = json.loads(self.outputs.metrics.read_text())
        now = int(time.time() * 1000)
        values = {"parameters": metrics["parameters"]}
        # Per epoch there are train_loss, val_loss and so on already; these are of the kept weights.
        for split, prefix in (("train", "final_train"), ("val", "final_val"), ("test", "test")):
            values |= {f"{prefix}_{key}": value for key, value in metrics[split].items()}
        values |= {f"smoothed_{key}": value for key, value in metrics.get("smoothed", {}).items()}
        for row in pd.read_csv(self.outputs.per_class).to_dict("records"):
            activity = row.pop("activity").lower()
            values |= {f"test_{key}_{activity}": float(value) for key, value in row.items()}
        logged = [Metric(name, value, now, 0) for name, value in values.items()]
        self.client.log_batch(run_id, metrics=logged)
        for report in self.outputs.reports:
            self.client.log_artifact(run_id, str(report), "reports")

    def _log_figures(self, run_id: str) -> None:
        for figure in self.outputs.figures:
            self.client.log_artifact(run_id, str(figure), "figures")
