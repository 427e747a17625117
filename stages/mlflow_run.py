"""The MLflow run of a training: what it says of itself, and what completes it.

`stages.follow` opens it while the model is trained. In the end it gets scores first, then files,
then the model itself. Where there is no run (the model came from a cache, or MLflow was out of
reach), one is made, its whole history included; what a run has already is left as it is.
"""

import hashlib
import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from har.data.datasets import DATASETS
from har.errors import HarError
from har.files import sha256
from har.model import bundle
from har.tracking import Tracker, logger, watched
from stages.common import (
    BUNDLE,
    FIGURE_NAMES,
    FIGURES,
    HISTORY,
    METRICS,
    PER_CLASS,
    PER_SUBJECT,
    PREDICTIONS,
    TEST,
    WEIGHTS,
    project_root,
)
from stages.reports import read_history, read_metrics, read_scores

COMMIT = "mlflow.source.git.commit"

REMEDY = "the files are whole; `python -m stages.track` delivers the rest later"

ARTIFACTS = {
    "reports": (METRICS, TEST, PREDICTIONS, PER_CLASS, PER_SUBJECT, HISTORY),
    "figures": tuple(FIGURES / f"{name}.png" for name in FIGURE_NAMES),
    "checkpoints": (WEIGHTS,),
}


def deliver(parameters: Mapping[str, Any]) -> None:
    """Complete the run of the model in models/.

    Args:
        parameters: The settings by dotted name.
    """
    made = bundle.describe(BUNDLE)
    if made.weights_sha256 != sha256(WEIGHTS):
        raise HarError(f"{BUNDLE} was packaged from other weights; run `dvc repro`")
    epochs = read_history().to_dict("records")
    history = [{str(name): value for name, value in row.items()} for row in epochs]
    values = scores()
    # What was scored, and how: another outcome of the same weights is another run.
    outcome = digest([BUNDLE / bundle.DESCRIPTION, METRICS, TEST, PER_CLASS])
    files = digest(path for paths in ARTIFACTS.values() for path in paths)
    with watched("the run of this model", REMEDY):
        tracker = Tracker(project_root(), "stages.track")
        settings = {name: str(value) for name, value in parameters.items()}
        for run in tracker.newest(weights_sha256=made.weights_sha256):
            known = run.data.tags.get("outcome")
            if known == outcome or (known is None and run.data.params == settings):
                break
        else:
            data = made.training.dataset, made.training.dataset_digest
            run_id = start(tracker, parameters, *data, weights_sha256=made.weights_sha256)
            run = tracker.client.get_run(run_id)
        if not run.data.metrics:
            now = {"time": int(time.time() * 1000)}
            tracker.log(run.info.run_id, [row | now for row in history])
        if run.info.status != "FINISHED":  # new, or MLflow failed when it was
            tracker.end(run.info.run_id, "FINISHED")
        complete(tracker, run.info.run_id, values, outcome, files)


def complete(
    tracker: Tracker, run_id: str, values: dict[str, float], outcome: str, files: str
) -> None:
    """Give a run what it lacks: scores, files, the model, its registration."""
    client = tracker.client
    tags = client.get_run(run_id).data.tags
    if "outcome" not in tags:
        tracker.log(run_id, [values])
        client.set_tag(run_id, "model_hash", bundle.digest(BUNDLE))
        client.set_tag(run_id, "outcome", outcome)
    if tags.get("files") != files:
        for folder, paths in ARTIFACTS.items():
            for path in paths:
                client.log_artifact(run_id, str(path), folder)
        client.set_tag(run_id, "files", files)
    model_id = tags.get("model_id")
    if model_id is None:
        from har.mlflow_model import log_model

        epoch = bundle.describe(BUNDLE).training.kept_epoch
        model_id = log_model(run_id, BUNDLE, epoch)
        # The same scores at the same time, which are the model's and of that data set too.
        tracker.log(
            run_id,
            [values],
            model_id=model_id,
            dataset_name=tags["dataset"],
            dataset_digest=tags["dataset_digest"][:8],
        )
        client.set_tag(run_id, "model_id", model_id)
    name = os.environ.get("HAR_REGISTER_MODEL")
    if name and not client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'"):
        import mlflow

        mlflow.register_model(f"models:/{model_id}", name)


def scores() -> dict[str, float]:
    """Scores of the trained network by part, such as `val/accuracy`, and of test by activity."""
    values: dict[str, float] = {"epoch": 0, "time": METRICS.stat().st_mtime * 1000}
    for part, found in read_metrics().items():
        if isinstance(found, dict):
            prefix = "test/smoothed_" if part == "smoothed" else f"{part}/"
            values |= {f"{prefix}{name}": value for name, value in found.items()}
        elif isinstance(found, int | float):
            values[part] = found
    for row in read_scores().per_class.to_dict("records"):
        activity = row.pop("activity").lower()
        values |= {f"test/{name}_{activity}": float(value) for name, value in row.items()}
    return values


def start(
    tracker: Tracker,
    parameters: Mapping[str, Any],
    dataset: str,
    dataset_digest: str,
    started: int | None = None,
    **tags: str,
) -> str:
    """Begin the run of a training.

    Args:
        tracker: MLflow.
        parameters: The settings by dotted name.
        dataset: Name of the data set; several joined by `+`.
        dataset_digest: SHA-256 of the content.
        started: When, ms since 1970; None for now.
        **tags: Further tags.
    """
    tags |= origin() | {"dataset": dataset, "dataset_digest": dataset_digest}
    experiment = tags.get("dvc_experiment")
    run_id = tracker.start(
        experiment,
        tags,
        parameters,
        parent=tracker.group(group_of(experiment, tags[COMMIT])) if experiment else None,
        started=started,
    )
    for name in dataset.split("+"):
        archives = DATASETS[name].ARCHIVES if name in DATASETS else ()
        url = archives[0].url if archives else ""
        tracker.log_dataset(run_id, name, dataset_digest[:8], url)
    return run_id


def pipeline_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those that the stages read, of settings by dotted name."""
    return {name: value for name, value in settings.items() if not name.startswith("crossval.")}


def group_of(experiment: str, commit: str) -> str:
    """The run that a DVC experiment is shown below: its sweep, or the commit that it started from.

    DVC numbers the experiments of a queue that were named together: `sweep-1`, `sweep-2`.
    """
    name, dash, number = experiment.rpartition("-")
    return f"{name if dash and number.isdigit() else 'experiments'} on {commit[:7]}"


def origin() -> dict[str, str]:
    """Tags that say where the runs of this process come from."""
    notes = os.environ.get("HAR_NOTES", "")
    tags = {
        COMMIT: os.environ.get("DVC_EXP_BASELINE_REV") or head(),
        "dvc_experiment": os.environ.get("DVC_EXP_NAME", ""),
        "version": os.environ.get("HAR_VERSION", ""),
        "notes": notes,
        "mlflow.note.content": notes,
    }
    return {name: value for name, value in tags.items() if value}


def digest(paths: Iterable[Path]) -> str:
    """Of several files."""
    try:
        return hashlib.sha256("".join(map(sha256, paths)).encode()).hexdigest()
    except FileNotFoundError as error:
        raise HarError(f"{error.filename} is not there: make it with `dvc repro`") from None


def head() -> str:
    """The commit that is checked out, or nothing outside git."""
    # A number is read and nothing of the repository run, so it may be another person's.
    command = ["git", "-c", "safe.directory=*", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        logger.warning("the run names no commit: git cannot be run (%s)", error)
        return ""
    if done.returncode and "not a git repository" not in done.stderr:
        logger.warning("the run names no commit: %s", " ".join(done.stderr.split()))
    return done.stdout.strip() if done.returncode == 0 else ""
