"""Write reports/report.html and the model card models/README.md: `make report`.

Both are made of the pipeline's outputs alone, which must be those of its last run.
"""

import base64
import hashlib
import importlib.metadata
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from har import yaml
from har.data import windows
from har.data.windows import Windows
from har.errors import HarError, in_one_line
from har.evaluation import metrics, trials
from har.model import bundle
from har.params import Params
from har.signals.recordings import ACTIVITIES, STILL, in_words
from stages.common import (
    BUNDLE,
    FIGURES,
    LOCK,
    METRICS,
    NORMALIZED,
    PARAMS,
    project_root,
)
from stages.reports import read_metrics, read_scores, read_table
from tools.git import git
from tools.rendering import render, write

PROJECT = Path(__file__).parents[1]

REPORT = Path("reports/report.html")
CARD = BUNDLE / "README.md"

LIBRARIES = ("numpy", "scipy", "pandas")
"""What computes the report's own figures: intervals and scores."""

PARTS = {"train": "training", "val": "validation", "test": "test"}

FIGURE_TEXTS = {
    "activity_distribution": (
        "How many windows there are of each activity, and from whom",
        "Bars of the windows of each activity in each part, and a table of windows by person and "
        "activity.",
    ),
    "sensor_signals": (
        "A typical window of each activity",
        "Every channel over the length of a window, one column for each activity: large regular "
        "movement in the three kinds of walking, level lines in the still postures.",
    ),
    "time_series_patterns": (
        "Ten seconds of each activity, and its rhythm",
        "Signals over ten seconds on the left, mean spectra of the training people on the right.",
    ),
    "correlation_heatmap": (
        "How the channels go together",
        "A matrix of the correlation of every two channels over all training windows.",
    ),
    "training_loss": (
        "Loss over the training",
        "Cross-entropy after each epoch.",
    ),
    "accuracy_curves": (
        "Accuracy over the training",
        "Accuracy after each epoch.",
    ),
    "confusion_matrix": (
        "Which activities are taken for which, on test people",
        "The confusion matrix; its numbers are in the table of scores by activity.",
    ),
    "model_performance": (
        "Scores by activity and person, and calibration, on test people",
        "The scores of the tables above as dots, and how often predictions of each stated "
        "probability are right.",
    ),
}
"""Caption of each figure, and what it shows for those who cannot see it."""


def facts() -> dict[str, Any]:
    """All that report and card tell.

    Raises:
        HarError: An output of the pipeline is missing or damaged, or not of its last run.
    """
    found = read_metrics()
    try:
        description = bundle.describe(BUNDLE)
    except HarError as error:  # the library does not know what makes it here
        raise HarError(f"{error}: make it with `dvc repro`") from None
    if not NORMALIZED.exists():
        raise HarError(f"{NORMALIZED} is not there: make it with `dvc repro`")
    scaled, _ = windows.load_scaled(NORMALIZED)
    locked = _lock()
    _refuse_outdated(locked)
    predictions, by_class, by_subject = read_scores()
    anywhere = not description.needs_mounting
    return {
        "simulated": found["dataset"] == "simulated",
        "metrics": found,
        "model": description,
        "people": {
            name: np.unique(scaled.of(part).subject).tolist() for part, name in PARTS.items()
        },
        "windows": _windows_by_activity(scaled),
        "parts": {name: found[part] for part, name in PARTS.items() if part in found},
        "smoothed": found.get("smoothed"),
        "scores": scores_with_intervals(predictions),
        "by_class": by_class.to_dict("records"),
        "by_subject": by_subject.to_dict("records"),
        "settings": _settings(locked, description),
        "identity": identity(description, locked),
        "signals_with_units": list(zip(description.signals, description.units, strict=True)),
        "best": float(by_subject["accuracy"].max()),
        "activities": [in_words(name) for name in description.activities],
        "anywhere": anywhere,
        "taught": _taught(scaled.of("train")),
        "transfer": _transfer() if anywhere else [],
        "merged": merged_accuracy(predictions),
    }


def _taught(train: Windows) -> list[dict[Any, Any]]:
    """A row per data set, placement and device: how many people and windows."""
    table = pd.DataFrame(
        {name: getattr(train, name) for name in ("dataset", "placement", "device", "subject")}
    )
    grouped = table.groupby(["dataset", "placement", "device"], sort=False)["subject"]
    counts = grouped.agg(people="nunique", windows="size").reset_index()
    return counts.to_dict("records")


def _transfer() -> list[dict[Any, Any]]:
    """What models for any phone score on data sets that they never saw; the project's own file."""
    table = read_table(PROJECT / "reports/anyone.csv")
    return table[table.method == "chosen"].to_dict("records")


def merged_accuracy(predictions: pd.DataFrame) -> float:
    """Share of test windows recognised where the postures count as one."""
    activities = [name for name in ACTIVITIES if name in predictions]
    moving = [name for name in activities if name not in STILL]
    shares = predictions[moving].assign(
        STILL=predictions[[name for name in activities if name in STILL]].sum(axis=1)
    )
    actual = predictions["actual"].where(~predictions["actual"].isin(STILL), "STILL")
    return float((shares.idxmax(axis=1) == actual).mean())


def up() -> str:
    """From the card to the project's folder, such as `../`, also where the pipeline lies below."""
    return "../" * (len(Path.cwd().relative_to(project_root()).parts) + 1)


def scores_with_intervals(predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """Accuracy, macro F1 and each activity's F1 with 95 % intervals for other people.

    Args:
        predictions: As `stages.evaluate` writes them, a row per test window.

    Returns:
        `name`, `value`, `low` and `high` of each.
    """
    activities = sorted({*predictions["actual"], *predictions["predicted"]}, key=ACTIVITIES.index)
    tables = trials.tables_of(predictions, activities)
    wanted: dict[str, Any] = {
        "Accuracy": metrics.accuracy_of,
        "Macro F1": metrics.macro_f1,
    }
    for index, name in enumerate(activities):
        wanted[f"F1, {in_words(name)}"] = lambda these, index=index: metrics.f1_of(these)[
            ..., index
        ]
    together = sum(tables.values())
    rows = []
    for name, score in wanted.items():
        low, high = trials.interval(tables, score)
        rows.append({"name": name, "value": float(score(together)), "low": low, "high": high})
    return rows


def identity(description: bundle.Description, locked: dict[str, Any]) -> dict[str, str]:
    """What the results were made of, as far as it is known here."""
    return {
        "Data set": description.training.dataset,
        "Data digest (SHA-256)": description.training.dataset_digest,
        "Model hash (SHA-256)": bundle.digest(BUNDLE),
        "DVC experiment": ", ".join(_experiments(locked)) or "none: `dvc repro` in the workspace",
        "Commit": _commit(),
        "Report written with": ", ".join(
            [
                f"Python {platform.python_version()}",
                *(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES),
            ]
        ),
    }


def _settings(locked: dict[str, Any], description: bundle.Description) -> dict[str, Any]:
    """The settings behind the results; those that DVC knows are those of the last run."""
    known: dict[str, Any] = {}
    for stage_name, stage in locked.get("stages", {}).items():
        if stage_name == "settings":  # has read all of them, also those that decide nothing here
            continue
        for name, value in stage.get("params", {}).get(PARAMS.name, {}).items():
            # A whole section, or one setting by its dotted name.
            leaves = value.items() if isinstance(value, dict) else ()
            known |= {f"{name}.{key}": leaf for key, leaf in leaves} or {name: value}
    return (known or Params.read(PARAMS).flat()) | description.training.settings


def _lock() -> dict[str, Any]:
    try:
        return yaml.read(LOCK) or {} if LOCK.exists() else {}  # the stages were run by hand
    except HarError:
        raise HarError(f"{LOCK} is damaged: `git checkout {LOCK}`, then `dvc repro`") from None


def _refuse_outdated(locked: dict[str, Any]) -> None:
    """Results of several runs side by side would be a report of none."""
    for stage in locked.get("stages", {}).values():
        for out in stage.get("outs", []):
            path = Path(out["path"])
            ours = path.parts[0] in ("models", "reports") and path.is_file()
            if ours and md5(path) != out["md5"]:
                raise HarError(f"{path} is not what the last run made: run `dvc repro`")


def md5(path: Path) -> str:
    """The digest that dvc.lock has of a file."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _experiments(locked: dict[str, Any]) -> list[str]:
    """Names of the DVC experiments whose training made this very model."""
    made = locked.get("stages", {}).get("train", {}).get("outs")
    names = []
    refs = git("for-each-ref", "--format=%(refname)", "refs/exps", default="").split()
    for ref in refs if made else []:
        # refs/exps/ab/cdef.../NAME; the others (stashes, checkpoints) have no name of their own.
        parts = ref.split("/")
        if len(parts) != 5 or parts[2] in ("exec", "celery"):
            continue
        content = yaml.parse(git("show", f"{ref}:{LOCK}", default="") or "{}") or {}
        if content.get("stages", {}).get("train", {}).get("outs") == made:
            names.append(parts[-1])
    return sorted(names)


def _commit() -> str:
    commit = git("rev-parse", "HEAD", default="")
    if not commit:
        return "not known"
    changed = [
        line[3:]
        for line in git("status", "--porcelain", default="").splitlines()
        if line[3:] != str(CARD)
    ]
    return f"{commit}, with changes that are not committed" if changed else commit


def _windows_by_activity(scaled: Windows) -> list[dict[str, Any]]:
    return [
        {"activity": in_words(name)}
        | {
            name_of_part: int(((scaled.split == part) & (scaled.label == index)).sum())
            for part, name_of_part in PARTS.items()
        }
        for index, name in enumerate(scaled.activities)
    ]


def _figures() -> list[dict[str, str]]:
    drawn = []
    for name, (caption, alternative) in FIGURE_TEXTS.items():
        path = FIGURES / f"{name}.png"
        try:
            content = base64.b64encode(path.read_bytes()).decode()
        except FileNotFoundError:
            raise HarError(f"{path} is not there: make it with `dvc repro`") from None
        drawn.append(
            {"caption": caption, "alt": alternative, "source": f"data:image/png;base64,{content}"}
        )
    return drawn


def main() -> None:
    """Write both files."""
    known = facts()
    write(
        {
            REPORT: render("report.html.j2", figures=_figures(), **known),
            CARD: render("model_card.md.j2", **known).replace("](../", f"]({up()}"),
        }
    )
    print(f"{REPORT} and {CARD}: {METRICS} and the other outputs in words and pictures")


if __name__ == "__main__":
    with in_one_line():
        main()
