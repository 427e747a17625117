"""Tell MLflow what a stage has made."""

from har import tracking
from har.params import Params
from stages import common

OUTPUTS = tracking.Outputs(
    bundle=common.BUNDLE,
    history=common.HISTORY,
    metrics=common.METRICS,
    predictions=common.PREDICTIONS,
    per_class=common.PER_CLASS,
    per_subject=common.PER_SUBJECT,
    figures=tuple(common.FIGURES / f"{name}.png" for name in common.FIGURE_NAMES),
)


def record(stage: str, params: Params) -> None:
    """Bring the MLflow run of the model in models/ up to date with a stage's files."""
    tracking.record(stage, OUTPUTS, params.flat(), common.project_root())
