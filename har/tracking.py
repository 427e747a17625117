"""MLflow: one run per training, filled in by the stages that follow. Nothing else here knows
MLflow.

MLflow watches and does not decide: the files are written before it is called, and what goes wrong
with it is a warning.
"""

import hashlib
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from filelock import FileLock

from har.bundle import describe, digest
from har.files import replacing_file, sha256
from har.trials import Trial, accuracy, accuracy_by_subject, macro_f1, summary

if TYPE_CHECKING:
    from mlflow.entities import Run

EXPERIMENT = "human-activity-recognition"
"""MLflow experiment, unless `MLFLOW_EXPERIMENT_NAME` names another."""

STORE, ARTIFACTS = "mlflow.db", "mlruns"


@dataclass(frozen=True)
class Outputs:
    """What the stages left behind: the files that a run is made of."""

    bundle: Path
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


def record(stage: str, outputs: Outputs, parameters: dict[str, Any], origin: Origin) -> None:
    """Bring the MLflow run of the model up to date with what a stage has just made.

    The run is found by the model's digest, not by a stored id, so that a model brought back from a
    cache or another machine is no obstacle. A run that already holds another outcome of this stage
    stays as it is: a new run takes the new one.

    Args:
        stage: `"train"`, `"evaluate"` or `"plots"`.
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


def record_trials(trials: Sequence[Trial], parameters: dict[str, Any], origin: Origin) -> None:
    """Bring the MLflow run of a configuration's trials up to date: a child run per trial.

    Args:
        trials: All of one configuration.
        parameters: Every setting by its dotted name.
        origin: Where they come from.
    """
    _watched("crossval run", origin, lambda store: _record_trials(store, trials, parameters))


def _watched(what: str, origin: Origin, work: "Callable[[_Store], None]") -> None:
    """Do something with MLflow; whatever goes wrong is a warning."""
    # Unless the person says otherwise: no usage reports, and no minutes of retries when nobody
    # answers.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    for chatty in ("alembic", "mlflow"):  # lines about the tables of a new store
        logging.getLogger(chatty).setLevel(logging.WARNING)
    uri = _tracking_uri(origin.root)
    try:
        # Processes that meet a fresh SQLite store at once break it, and later lock each other out.
        local = not uri.startswith(("http:", "https:", "databricks"))
        with FileLock(origin.root / f"{STORE}.lock", timeout=300) if local else nullcontext():
            _create_whole(uri)
            work(_Store(uri, local, origin))
    except Exception as error:
        reason = " ".join(str(error).split())
        print(
            f"warning: MLflow at {uri} did not take this {what} ({reason:.300}); "
            "the files are written, the pipeline goes on",
            file=sys.stderr,
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
    from mlflow.tracking import MlflowClient

    with replacing_file(path) as partial:
        MlflowClient(tracking_uri=f"sqlite:///{partial}").search_experiments(max_results=1)


class _Store:
    """MLflow's store, with the experiment that all runs go to."""

    def __init__(self, uri: str, local: bool, origin: Origin) -> None:
        from mlflow.tracking import MlflowClient  # two seconds: only where it is used

        self.client = MlflowClient(tracking_uri=uri)
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
        return run.info.run_id

    def _experiment(self, local: bool) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        experiment = self.client.get_experiment_by_name(name)
        here = (self.origin.root / ARTIFACTS).as_uri()
        if experiment is not None:
            if local and experiment.artifact_location != here:
                print(
                    f"warning: MLflow keeps this experiment's files in "
                    f"{experiment.artifact_location}, where it was first made; to begin anew here, "
                    f"delete {STORE} or set MLFLOW_EXPERIMENT_NAME",
                    file=sys.stderr,
                )
            return experiment.experiment_id
        # Left to MLflow, a local store's artifacts would lie below today's working directory for
        # good.
        location = here if local else None
        # The kind opens MLflow's pages at the runs, not at the traces of a chat application.
        tags = {"mlflow.experimentKind": "custom_model_development"}
        return self.client.create_experiment(name, artifact_location=location, tags=tags)


def _record_trials(store: _Store, trials: Sequence[Trial], parameters: dict[str, Any]) -> None:
    from mlflow.entities import Metric, Param

    def log(run_id: str, values: Mapping[str, float | None], settings: dict[str, Any]) -> None:
        now = int(time.time() * 1000)
        store.client.log_batch(
            run_id,
            metrics=[
                Metric(name, value, now, 0) for name, value in values.items() if value is not None
            ],
            params=[Param(name, str(value)) for name, value in settings.items()],
        )
        store.client.set_terminated(run_id)

    whole = {"crossval": trials[0].name, "dataset_digest": trials[0].dataset_digest}
    content = "".join(trial.model_dump_json() for trial in trials)
    outcome = hashlib.sha256(content.encode()).hexdigest()
    if store.newest_run(**whole, outcome=outcome):
        return
    parent = store.new_run(
        f"crossval-{trials[0].name}", "experiments.crossval", **whole, outcome=outcome
    )
    for trial in trials:
        child = store.new_run(
            f"{trial.name}-{trial.part}-seed{trial.seed}",
            "experiments.crossval",
            **{"mlflow.parentRunId": parent, "part": trial.part},
        )
        of_trial = {
            "accuracy": accuracy([trial]),
            "f1": macro_f1([trial]),
            "train_seconds": trial.train_seconds,
            "predict_ms": trial.predict_ms,
        }
        for person, value in accuracy_by_subject([trial]).items():
            of_trial[f"accuracy_subject_{person}"] = value
        log(child, of_trial, trial.settings | {"train.seed": trial.seed})
    scores = {
        f"{part}_{name}": value
        for part, its in summary(trials).items()
        if isinstance(its, dict)
        for name, value in its.items()
        if not isinstance(value, dict)
    }
    log(parent, scores, parameters)


class _Recorder:
    def __init__(self, store: _Store, outputs: Outputs, parameters: dict[str, Any]) -> None:
        self.store, self.client = store, store.client
        self.outputs = outputs
        self.description = describe(outputs.bundle)
        self.parameters = parameters | self.description.settings
        self.model_hash = digest(outputs.bundle)
        self.steps: dict[str, tuple[Callable[[str], None], tuple[Path, ...]]] = {
            "train": (self._log_training, (outputs.history,)),
            "evaluate": (self._log_evaluation, outputs.reports),
            "plots": (self._log_figures, outputs.figures),
        }

    def record(self, stage: str) -> None:
        newest = self.store.newest_run(model_hash=self.model_hash)
        tags: dict[str, str] = newest.data.tags if newest else {}
        if stage == "train" or newest is None:
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
            "stages.train",
            dataset=self.description.dataset,
            dataset_digest=self.description.dataset_digest,
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
        self.client.log_artifacts(run_id, str(self.outputs.bundle), "model")

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
