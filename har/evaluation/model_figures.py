"""The figures of a model, from its history, its predictions and its scores."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, StrMethodFormatter

from har.evaluation import metrics, trials
from har.evaluation.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    SPLITS,
    heatmap,
    legend_above,
    new_figure,
    readable,
    styled,
)
from har.signals.recordings import ACTIVITIES

_RELIABILITY_BINS, _FEW_WINDOWS = 10, 20
_SMALLEST_SHARE = 0.1  # %; shares below it are coloured alike


@styled
def training_loss(history: pd.DataFrame, kept_epoch: int | None) -> Figure:
    """Loss on training and validation subjects over the epochs."""
    figure = _curves(history, kept_epoch, "loss", 1)
    figure.axes[0].set(ylabel="Cross-entropy (nats per window)", ylim=(0, None))
    return figure


@styled
def accuracy_curves(history: pd.DataFrame, kept_epoch: int | None) -> Figure:
    """Accuracy on training and validation subjects over the epochs."""
    figure = _curves(history, kept_epoch, "accuracy", 100)
    figure.axes[0].set(ylabel="Accuracy (% of windows)", ylim=(None, 100))
    return figure


@styled
def cross_validation_curves(history: pd.DataFrame) -> Figure:
    """Loss and accuracy over the epochs of a cross-validation, in training and on people held out.

    A line is the mean over the folds, its band goes from the lowest of them to the highest.

    Args:
        history: Rows as in `har.learning.training.History.epochs`, with the `fold` of each.
    """
    folds = history.fold.nunique()
    figure = new_figure(
        f"Loss and accuracy by epoch: {folds} folds, whose people are held out", 4.2
    )
    for ax, score, factor in zip(
        figure.subplots(1, 2), ("loss", "accuracy"), (1, 100), strict=True
    ):
        for split, name in (("train", "Training"), ("val", "People held out")):
            by_epoch = history.groupby("epoch")[f"{split}_{score}"]
            low, mean, high = (by_epoch.agg(each) * factor for each in ("min", "mean", "max"))
            colour = SPLITS[split][1]
            ax.fill_between(mean.index, low, high, color=colour, alpha=0.25, linewidth=0)
            ax.plot(mean.index, mean, color=colour, label=name)
        ax.set_xlabel("Epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        legend_above(ax)
    loss, accuracy = figure.axes
    loss.set(ylabel="Cross-entropy (nats per window)", ylim=(0, None))
    accuracy.set(ylabel="Accuracy (% of windows)", ylim=(None, 100))
    return figure


@styled
def confusion_matrix(predictions: pd.DataFrame) -> Figure:
    """Test windows by actual and predicted activity: counts, and shares of each row.

    The colours are logarithmic, so that a single window in a hundred is seen.
    """
    names = _in_order({*predictions.actual, *predictions.predicted})
    counts = pd.crosstab(predictions.actual, predictions.predicted)
    counts = counts.reindex(index=names, columns=names, fill_value=0)
    totals = counts.sum(axis=1)
    shares = (counts.div(totals, axis=0) * 100).fillna(0)
    texts = counts.map("{:,}".format) + shares.map("\n{:.1f} %".format)
    figure = new_figure("Which activities are taken for which, on test subjects", 6.6)
    ax = figure.subplots()
    rows = [f"{readable(name)}\n({totals[name]:,})" for name in names]
    columns = [readable(name, "\n") for name in names]
    texts = texts.where(counts > 0, "0")
    scale = SymLogNorm(_SMALLEST_SHARE, vmin=0, vmax=100)
    mesh = heatmap(ax, shares, texts, rows, columns, cmap="Blues", norm=scale)
    bar = figure.colorbar(mesh, ax=ax, label="Share of the windows of the actual activity (%)")
    bar.set_ticks([0, 0.1, 1, 10, 100], labels=["0", "0.1", "1", "10", "100"])
    bar.minorticks_off()
    ax.set(xlabel="Predicted activity", ylabel="Actual activity (windows)")
    return figure


@styled
def model_performance(
    per_class: pd.DataFrame, per_subject: pd.DataFrame, predictions: pd.DataFrame
) -> Figure:
    """Scores per activity, accuracy per subject, and how far the probabilities can be believed.

    Lines and the grey band are 95 % intervals for other people: the bootstrap over people.
    """
    figure = new_figure("How well the model does on test subjects", 6.8)
    parts: Any = [["classes", "reliability"], ["subjects", "reliability"], ["subjects", "stated"]]
    axes = figure.subplot_mosaic(parts, width_ratios=(1.15, 1), height_ratios=(3, 0.8, 1.5))
    scored = _in_order(per_class.activity)
    others = _in_order({*predictions.actual, *predictions.predicted} - set(scored))
    tables = trials.tables_of(predictions, [*scored, *others])
    _draw_classes(axes["classes"], per_class, tables)
    _draw_subjects(axes["subjects"], per_subject)
    _draw_reliability(axes["reliability"], axes["stated"], predictions)
    return figure


def _in_order(activities: Iterable[str]) -> list[str]:
    return sorted(activities, key=ACTIVITIES.index)


def _curves(history: pd.DataFrame, kept_epoch: int | None, score: str, factor: float) -> Figure:
    figure = new_figure(f"{score.capitalize()} by epoch", 4.6)
    ax = figure.subplots()
    size = 4 if len(history) <= 60 else 0
    for split, marker in {"train": "-o", "val": "-s"}.items():
        values = history[f"{split}_{score}"] * factor
        if values.notna().any():
            name, colour = SPLITS[split]
            options: dict[str, Any] = {"color": colour, "label": f"{name} subjects"}
            ax.plot(history.epoch, values, marker, markersize=size, clip_on=False, **options)
    if kept_epoch is not None:
        ax.axvline(kept_epoch, color=GREY, linestyle=":", label=f"Kept: epoch {kept_epoch}")
    ax.set_xlabel("Epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    legend_above(ax)
    return figure


def _shares_by_person(
    subject: np.ndarray, bins: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """95 % intervals for other people of the mean of `right`, a bin each: from and to.

    Bins without a window are left out.
    """
    people, person = np.unique(subject, return_inverse=True)
    shape = (len(people), _RELIABILITY_BINS)
    windows, sums = np.zeros(shape), np.zeros(shape)
    np.add.at(windows, (person, bins), 1)
    np.add.at(sums, (person, bins), right)
    drawn = trials.resample(len(people))
    with np.errstate(invalid="ignore"):
        shares = sums[drawn].sum(axis=1) / windows[drawn].sum(axis=1)
    low, high = np.nanpercentile(shares[:, windows.any(axis=0)], [2.5, 97.5], axis=0)
    return low, high


def _draw_classes(ax: Axes, per_class: pd.DataFrame, tables: dict[int, np.ndarray]) -> None:
    names = _in_order(per_class.activity)
    table = per_class.set_index("activity").loc[names]
    rows = np.arange(len(names))
    scores = {"precision": ("o", BLUE), "recall": ("s", ORANGE), "f1": ("D", GREEN)}
    score_of = {
        "precision": metrics.precision_of,
        "recall": metrics.recall_of,
        "f1": metrics.f1_of,
    }
    for offset, (score, (marker, colour)) in zip((-0.2, 0, 0.2), scores.items(), strict=True):
        low, high = trials.intervals(tables, score_of[score])[:, : len(names)] * 100
        ax.hlines(rows + offset, low, high, color=colour, linewidth=1.2)
        options: dict[str, Any] = {"color": colour, "label": score.capitalize(), "clip_on": False}
        ax.plot(table[score] * 100, rows + offset, marker, markersize=5.5, **options)
    ax.set_yticks(rows, [f"{readable(name)} ({table.support[name]:,})" for name in names])
    ax.invert_yaxis()
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.set(xlabel="Score (%)", ylabel="Activity (windows)", xlim=(None, 100))
    legend_above(ax, "Scores of each activity")


def _draw_subjects(ax: Axes, per_subject: pd.DataFrame) -> None:
    table = per_subject.sort_values(["accuracy", "subject"], ascending=[False, True])
    accuracy, mean = table.accuracy * 100, table.accuracy.mean() * 100
    places = np.arange(len(table))
    ax.vlines(places, mean, accuracy, color=BLUE, linewidth=1)
    ax.plot(places, accuracy, "o", color=BLUE, clip_on=False)
    drawn = table.accuracy.to_numpy()[trials.resample(len(table))].mean(axis=1) * 100
    ax.axhline(mean, color=GREY, linestyle="--", label=f"Mean of the subjects: {mean:.1f} %")
    low, high = np.percentile(drawn, [2.5, 97.5])
    ax.axhspan(low, high, color="#DCDCDC", zorder=0, label="95 % interval")
    ax.set_xticks(places, table.subject, rotation=90 if len(table) > 18 else 0)
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.grid(visible=False, axis="x")
    ax.set(xlabel="Subject", ylabel="Accuracy (%)", ylim=(None, 100))
    legend_above(ax, "Accuracy on each subject")


def _draw_reliability(ax: Axes, below: Axes, predictions: pd.DataFrame) -> None:
    """Share of right answers by the probability stated for them; `below`, how often it was."""
    activities = [name for name in ACTIVITIES if name in predictions]
    stated = predictions[activities].max(axis=1).to_numpy() * 100
    right = (predictions.actual == predictions.predicted).to_numpy() * 100
    edges = np.linspace(0, 100, _RELIABILITY_BINS + 1)
    bins = np.clip(np.digitize(stated, edges) - 1, 0, _RELIABILITY_BINS - 1)
    groups = pd.DataFrame({"stated": stated, "right": right}).groupby(bins)
    means, few = groups.mean(), groups.size() < _FEW_WINDOWS
    ax.plot([0, 100], [0, 100], "--", color=GREY, linewidth=1, label="Ideal")
    ax.plot(means.stated, means.right, "o", color=BLUE, clip_on=False)
    enough = means[~few]
    ax.plot(enough.stated, enough.right, color=BLUE, clip_on=False)
    low, high = _shares_by_person(predictions.subject.to_numpy(), bins, right)
    ax.vlines(means.stated, low, high, color=BLUE, linewidth=1.2)
    if few.any():
        hollow: dict[str, Any] = {"color": BLUE, "markerfacecolor": "white", "clip_on": False}
        name = f"under {_FEW_WINDOWS} windows"
        ax.plot(means.stated[few], means.right[few], "o", label=name, **hollow)
    ax.set(xlim=(0, 100), ylim=(0, 100), xlabel="Stated probability (%)")
    ax.set_ylabel("Right answers (%)")
    legend_above(ax, "Are the probabilities right?")
    below.hist(stated, edges.tolist(), color=BLUE, edgecolor="white", log=True)
    below.yaxis.set_major_locator(LogLocator(numticks=6))
    below.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    below.set(xlim=(0, 100), xlabel="Stated probability (%)", ylabel="Windows", ylim=(0.7, None))
