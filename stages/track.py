"""Tell MLflow what a stage has made."""

import os
import subprocess

from har import tracking
from har.params import Params
from stages import common

OUTPUTS = tracking.Outputs(
    bundle=common.BUNDLE,
    weights=common.WEIGHTS,
    history=common.HISTORY,
    metrics=common.METRICS,
    predictions=common.PREDICTIONS,
    per_class=common.PER_CLASS,
    per_subject=common.PER_SUBJECT,
    figures=tuple(common.FIGURES / f"{name}.png" for name in common.FIGURE_NAMES),
)


def record(stage: str, params: Params) -> None:
    """Bring the MLflow run of the model in models/ up to date with a stage's files."""
    tracking.record(stage, OUTPUTS, params.flat(), origin())


def origin() -> tracking.Origin:
    """Where this process's runs come from."""
    return tracking.Origin(
        root=common.project_root(),
        experiment=os.environ.get("DVC_EXP_NAME"),
        commit=os.environ.get("DVC_EXP_BASELINE_REV") or _head(),
    )


def _head() -> str:
    """The commit that is checked out, or nothing outside git."""
    try:
        command = ["git", "rev-parse", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
