"""Tables and scores of reports/, read whole and in their ranges, or told to be damaged."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import from_json

from har.errors import HarError
from har.signals.recordings import ACTIVITIES
from stages.common import HISTORY, METRICS, PER_CLASS, PER_SUBJECT, PREDICTIONS, TEST

if TYPE_CHECKING:
    import pandas as pd

HISTORY_COLUMNS = [
    "epoch",
    "train_loss",
    "val_loss",
    "train_accuracy",
    "val_accuracy",
    "learning_rate",
]
PREDICTED = ["subject", "bout", "start", "actual", "predicted"]
"""Columns of the predictions, before a probability for each activity."""


def read_metrics() -> dict[str, Any]:
    """What `evaluate` wrote to reports/metrics.json and, of the test people, reports/test.json."""
    metrics: dict[str, Any] = {}
    for path, part in ((METRICS, "train"), (TEST, "test")):
        try:
            found: dict[str, Any] = from_json(path.read_bytes(), allow_inf_nan=False)
            if not (isinstance(found["dataset"], str) and 0 <= found[part]["accuracy"] <= 1):
                raise ValueError
        except FileNotFoundError:
            raise HarError(f"{path} is not there: make it with `dvc repro`") from None
        except (ValueError, KeyError, TypeError):
            raise HarError(f"{path} is damaged: delete it and run `dvc repro`") from None
        if found["dataset"] != metrics.get("dataset", found["dataset"]):
            raise HarError(f"{path} and {METRICS} are of two data sets: run `dvc repro`")
        metrics |= found
    return metrics


class Scores(NamedTuple):
    """The tables that `evaluate` writes of the test people."""

    predictions: "pd.DataFrame"
    per_class: "pd.DataFrame"
    per_subject: "pd.DataFrame"


def read_history() -> "pd.DataFrame":
    """The epochs of the training.

    Raises:
        HarError: The table is not there or damaged.
    """
    history = read_table(HISTORY)
    if problem := _problem_of_history(history):
        raise _damaged(HISTORY, problem)
    return history


def read_scores(folder: Path = Path()) -> Scores:
    """The tables of one evaluation: they are of the same windows, so that one cut off shows.

    Args:
        folder: Of the pipeline.

    Raises:
        HarError: One is not there or damaged.
    """
    scores = Scores(*(read_table(folder / each) for each in (PREDICTIONS, PER_CLASS, PER_SUBJECT)))
    if found := _problem_of_scores(scores):
        path, problem = found
        raise _damaged(folder / path, problem)
    return scores


def read_table(path: Path) -> "pd.DataFrame":
    """A table, whole.

    Raises:
        HarError: It is not there or damaged.
    """
    import pandas as pd

    try:
        content = path.read_bytes()
        table = pd.read_csv(io.BytesIO(content))
    except FileNotFoundError:
        raise HarError(f"{path} is not there: make it with `dvc repro`") from None
    except ValueError:  # of which pandas' own errors are kinds
        raise _damaged(path, "it is no table") from None
    if table.empty:
        raise _damaged(path, "it has no rows")
    if not content.endswith(b"\n"):
        raise _damaged(path, "its last line is cut off")
    return table


def _damaged(path: Path, problem: str) -> HarError:
    return HarError(f"{path} is damaged ({problem}): delete it and run `dvc repro`")


def _are_numbers(table: "pd.DataFrame") -> bool:
    return table.shape == table.select_dtypes("number").shape


def _problem_of_history(history: "pd.DataFrame") -> str:
    if list(history.columns) != HISTORY_COLUMNS or not _are_numbers(history):
        return "other columns"
    if history.epoch.tolist() != list(range(1, len(history) + 1)):
        return "an epoch is missing"
    always = history[["train_loss", "train_accuracy", "learning_rate"]]
    if always.isna().any(axis=None) or (history < 0).any(axis=None):
        return "a value is missing or below 0"
    if (history[["train_accuracy", "val_accuracy"]] > 1).any(axis=None):
        return "an accuracy is above 1"
    return ""


def _problem_of_scores(scores: Scores) -> tuple[Path, str] | None:
    """Which table of one evaluation is wrong, and what with it in words."""
    predictions, per_class, per_subject = scores
    names = list(predictions.columns[len(PREDICTED) :])
    if list(predictions.columns[: len(PREDICTED)]) != PREDICTED or set(names) - set(ACTIVITIES):
        return PREDICTIONS, "other columns"
    shares = predictions[names]
    if not _are_numbers(shares) or not shares.ge(0).all(axis=None):
        return PREDICTIONS, "a probability is none"
    if ((shares.sum(axis=1) - 1).abs() > 0.01).any():
        return PREDICTIONS, "probabilities do not add up to 1"
    if not predictions[["actual", "predicted"]].isin(names).all(axis=None):
        return PREDICTIONS, "an activity is unknown"
    if list(per_class.columns) != ["activity", "precision", "recall", "f1", "support"]:
        return PER_CLASS, "other columns"
    if list(per_subject.columns) != ["subject", "accuracy", "windows"]:
        return PER_SUBJECT, "other columns"
    shown = per_class[["precision", "recall", "f1"]]
    if not _are_numbers(per_class.iloc[:, 1:]) or not (shown.ge(0) & shown.le(1)).all(axis=None):
        return PER_CLASS, "a score is none"
    if not _are_numbers(per_subject):
        return PER_SUBJECT, "a score is none"
    right = predictions.actual == predictions.predicted
    of_people, of_classes = right.groupby(predictions.subject), right.groupby(predictions.actual)
    for path, found, expected, counted, windows in (
        (PER_SUBJECT, per_subject, of_people, "subject", "windows"),
        (PER_CLASS, per_class[per_class.support != 0], of_classes, "activity", "support"),
    ):
        score = "accuracy" if counted == "subject" else "recall"
        found = found.set_index(counted).sort_index()
        if found[windows].to_dict() != expected.size().to_dict() or not found.index.is_unique:
            return path, f"{PREDICTIONS.name} has other windows"
        if not (found[score] - expected.mean()).abs().le(1e-5).all():
            return path, f"{PREDICTIONS.name} has other scores"
    return None
