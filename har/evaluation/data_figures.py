"""The figures of the data, from windows.

seaborn and SciPy take longer to import than most figures to draw, and are imported where they are
used.
"""

from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, StrMethodFormatter

from har.data.windows import Windows
from har.evaluation.drawing import (
    COMPONENTS,
    GREY,
    SPLITS,
    component,
    heatmap,
    legend_above,
    legend_of_components,
    new_figure,
    readable,
    styled,
)
from har.signals.blocks import by_block, in_blocks
from har.signals.channels import CHANNEL_GROUPS
from har.signals.recordings import SAMPLING_RATE, STILL

_PATTERN_SECONDS, _PATTERN_HERTZ = 10, 10


@styled
def activity_distribution(windows: Windows) -> Figure:
    """Windows per activity in each split, and per subject and activity."""
    import seaborn as sns

    splits = [split for split in SPLITS if split in windows.split]
    people = {split: np.unique(windows.subject[windows.split == split]) for split in splits}
    labels = np.unique(windows.label)
    table = pd.DataFrame(
        {"activity": windows.label, "split": windows.split, "subject": windows.subject}
    )
    figure = new_figure("How many windows there are of each activity, and from whom", 6.6)
    above, below = figure.subplots(2, 1, height_ratios=(1.2, 1))

    palette = {split: SPLITS[split][1] for split in splits}
    options: dict[str, Any] = {"palette": palette, "saturation": 1, "legend": False}
    sns.countplot(
        table, x="activity", hue="split", order=labels, hue_order=splits, ax=above, **options
    )
    for bars, split in zip(above.containers, splits, strict=True):
        bars.set_label(f"{SPLITS[split][0]} ({_count(len(people[split]), 'subject')})")
        above.bar_label(bars, fmt="{:,.0f}", fontsize=9, padding=2)
    above.set(xlabel="Activity", ylabel="Windows")
    names = windows.activities[labels]
    above.set_xticks(range(len(labels)), [readable(each, "\n") for each in names])
    above.yaxis.set_major_locator(MaxNLocator(integer=True))
    above.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    above.grid(visible=False, axis="x")
    above.margins(y=0.1)
    legend_above(above)

    order = [(split, subject) for split in splits for subject in people[split]]
    counts = pd.crosstab(table.activity, [table.split, table.subject])[order]
    rows = [readable(each) for each in names]
    subjects = [subject for _, subject in order]
    shades: dict[str, Any] = {"cmap": "Greys", "vmin": 0, "vmax": 2 * counts.to_numpy().max()}
    size = min(8, 250 / len(order))
    heatmap(below, counts, counts.map(str), rows, subjects, fontsize=size, **shades)
    below.set(xlabel="Subject (in the colour of the split)", ylabel="Activity")
    below.set_title("Windows of each subject")
    for tick, (split, _) in zip(below.get_xticklabels(), order, strict=True):
        size = min(10, 300 / len(order))
        tick.set(color=SPLITS[split][1], fontweight="bold", fontsize=size)
    return figure


@styled
def sensor_signals(windows: Windows) -> Figure:
    """A typical window of each activity, all of one training subject: every channel over time.

    The last row has the first kind of signal again, less its mean and each window on its own scale:
    the sway of a still posture is too small to be seen beside a step.
    """
    train = windows.of("train")
    subject, typical = _typical_windows(train)
    groups = _groups(train.channels)
    time = np.arange(train.size) / SAMPLING_RATE
    seconds = train.size / SAMPLING_RATE
    figure = new_figure(
        f"A typical window of each activity: {seconds:.3g} s of subject {subject}",
        3.1 + 1.9 * len(groups),
    )
    grid = figure.subplots(len(groups) + 1, len(typical), sharex=True, squeeze=False)
    for row, (name, columns) in zip(grid, groups.items(), strict=False):
        for ax in row[1:]:
            ax.sharey(row[0])
            ax.tick_params(labelleft=False)
        for ax, window in zip(row, typical.values(), strict=True):
            _draw_channels(ax, time, train.signals[window], train.channels, columns)
            ax.margins(x=0)
        row[0].set_ylabel(fill(_quantity(name), 20))
    name, columns = next(iter(groups.items()))
    for ax, window in zip(grid[-1], typical.values(), strict=True):
        swaying = train.signals[window] - train.signals[window].mean(axis=0)
        _draw_channels(ax, time, swaying, train.channels, columns)
        ax.margins(x=0)
        ax.yaxis.set_major_locator(MaxNLocator(3))
        ax.tick_params(axis="y", labelsize=8, pad=1)
    unit = CHANNEL_GROUPS[name].unit
    grid[-1, 0].set_ylabel(f"The first less its\nmean, magnified ({unit})")
    for ax, label in zip(grid[0], typical, strict=True):
        ax.set_title(readable(windows.activities[label], "\n"), loc="center")
    for ax in grid[-1]:
        ax.set_xlabel("Time (s)")
    legend_of_components(figure, train.channels)
    return figure


@styled
def time_series_patterns(windows: Windows) -> Figure:
    """Ten seconds of each activity on end, and the rhythms of all training subjects.

    Drawn from one group of channels: the acceleration with gravity where it is there, which shows
    posture and motion. Still postures are drawn less their mean and magnified, on one scale for all
    of them. A subject's spectrum is the mean over windows of the power density summed
    over the axes, so it does not depend on how the phone was turned.
    """
    from scipy.signal import periodogram

    train = windows.of("train")
    subject, typical = _typical_windows(train)
    name, columns = next(iter(_groups(train.channels).items()))
    unit = CHANNEL_GROUPS[name].unit
    frequency = np.fft.rfftfreq(train.size, 1 / SAMPLING_RATE)
    shown = (frequency > 0) & (frequency <= _PATTERN_HERTZ)

    def power(block: np.ndarray) -> np.ndarray:
        every = block[..., columns]
        found = periodogram(every, SAMPLING_RATE, "hann", detrend="constant", axis=1)[1]
        of_all: np.ndarray = found.sum(axis=2)[:, shown]
        return of_all

    spectra = pd.DataFrame(by_block(train.signals, power), columns=frequency[shown])

    figure = new_figure(f"Ten seconds of each activity (subject {subject}), and its rhythm", 7.8)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.7, 1))[0]
    over_time = left.subplots(len(typical), sharex=True, squeeze=False)[:, 0]
    rhythms = right.subplots(len(typical), sharex=True, sharey=True, squeeze=False)[:, 0]
    first: dict[bool, Axes] = {}
    for label, ax, rhythm in zip(typical, over_time, rhythms, strict=True):
        of_label = train.label == label
        stretch = _longest_stretch(train.select(of_label & (train.subject == subject)))
        time = np.arange(len(stretch)) / SAMPLING_RATE
        activity = str(windows.activities[label])
        still = activity in STILL
        shown_stretch = stretch - np.nanmean(stretch, axis=0) if still else stretch
        _draw_channels(ax, time, shown_stretch, train.channels, columns)
        if still in first:
            ax.sharey(first[still])
        first.setdefault(still, ax)
        less = ", less its mean, magnified" if still else ""
        ax.set(title=f"{readable(activity)}{less}", xlim=(0, _PATTERN_SECONDS))
        people = spectra[of_label].groupby(train.subject[of_label]).mean()
        low, middle, high = people.quantile([0.25, 0.5, 0.75]).to_numpy()
        rhythm.fill_between(frequency[shown], low, high, color="#C4C4C4", linewidth=0)
        dots = "." if shown.sum() <= 30 else ""
        rhythm.semilogy(frequency[shown], middle, marker=dots, markersize=4, color=GREY)
        peak = f"Strongest at {frequency[shown][middle.argmax()]:.1f} Hz"
        rhythm.yaxis.set_major_locator(LogLocator(numticks=5))
        rhythm.set(title=peak if middle.argmax() else "No rhythm", xlim=(0, _PATTERN_HERTZ))
    left.supxlabel("Time (s)")
    left.supylabel(_quantity(name))
    right.supxlabel("Frequency (Hz)")
    squared = f"({unit})²" if "/" in unit else f"{unit}²"
    right.supylabel(f"Power density ({squared}/Hz): median and middle half of training subjects")
    legend_of_components(figure, train.channels[columns])
    return figure


@styled
def correlation_heatmap(windows: Windows) -> Figure:
    """Pearson correlation of every two channels over the samples of all training windows."""
    train = windows.of("train")
    number = len(train.channels)
    found = pd.DataFrame(_correlation(train.signals), train.channels, train.channels)
    figure = new_figure("Correlation of the channels over all training windows", 6.2)
    ax = figure.subplots()
    texts = found.map("{:.2f}".format).replace("-0.00", "0.00")
    texts = texts.map(lambda text: text.replace("-", "\N{MINUS SIGN}"))
    names = train.channels.tolist()
    colours: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -1, "vmax": 1}
    size = min(10, 130 / number)
    mesh = heatmap(ax, found, texts, names, names, fontsize=size, **colours)
    figure.colorbar(mesh, ax=ax, label="Correlation coefficient", ticks=[-1, -0.5, 0, 0.5, 1])
    if number > 6:
        ax.set_xticks(ax.get_xticks(), train.channels, rotation=40, ha="right", va="top")
    ax.set(xlabel="Channel", ylabel="Channel")
    return figure


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}{'s' * (number != 1)}"


def _groups(channels: np.ndarray) -> dict[str, list[int]]:
    """The columns of each channel group that is there, in the order of `CHANNEL_GROUPS`."""
    columns = {
        name: [column for column, channel in enumerate(channels) if channel in group.names]
        for name, group in CHANNEL_GROUPS.items()
    }
    return {name: own for name, own in columns.items() if own}


def _quantity(name: str) -> str:
    """What a channel group measures, with its unit."""
    group = CHANNEL_GROUPS[name]
    return f"{group.description[0].upper()}{group.description[1:]} ({group.unit})"


def _correlation(signals: np.ndarray) -> np.ndarray:
    """Pearson's, of every two channels: (channels, channels), NaN where one is constant."""
    level, number = signals[0, 0].astype(float), signals.shape[2]  # zero is exact, a mean is not
    samples = signals.shape[0] * signals.shape[1]
    mean = sum((each - level).sum(axis=(0, 1)) for each in in_blocks(signals)) / samples
    products = np.zeros((number, number))
    for block in in_blocks(signals):
        apart = (block - level - mean).reshape(-1, number)
        products += apart.T @ apart
    deviations = np.sqrt(products.diagonal())
    with np.errstate(invalid="ignore"):
        correlation: np.ndarray = products / np.outer(deviations, deviations)
    return correlation


def _typical_windows(train: Windows) -> tuple[int, dict[int, int]]:
    """The subject most like all, and the row of one typical window of each of its activities.

    A window is described by mean and standard deviation of each channel; the nearer to the median
    of its activity, the more typical.
    """
    statistics = by_block(
        train.signals, lambda block: np.hstack([block.mean(axis=1), block.std(axis=1)])
    )
    statistics /= np.maximum(statistics.std(axis=0), 1e-9)
    medians = pd.DataFrame(statistics).groupby(train.label).transform("median")
    table = pd.DataFrame({"subject": train.subject, "label": train.label})
    table["distance"] = np.linalg.norm(statistics - medians, axis=1)
    per_activity = table.groupby(["subject", "label"]).distance.median()
    subjects = per_activity.groupby("subject").agg(["size", "mean"])
    subject = subjects.sort_values(["size", "mean"], ascending=[False, True]).index[0]
    nearest = table[table.subject == subject].groupby("label").distance.idxmin()
    return int(subject), nearest.to_dict()


def _longest_stretch(windows: Windows) -> np.ndarray:
    """The middle ten seconds, or less, of the longest bout: (samples, channels), NaN in gaps."""
    bouts, windows_of = np.unique(windows.bout, return_counts=True)
    own = windows.select(windows.bout == bouts[windows_of.argmax()])
    starts = own.start - own.start.min()
    whole = np.full((starts.max() + own.size, own.signals.shape[2]), np.nan)
    for start, signals in zip(starts, own.signals, strict=True):
        whole[start : start + own.size] = signals
    wanted = round(_PATTERN_SECONDS * SAMPLING_RATE)
    first = max(0, (len(whole) - wanted) // 2)
    return whole[first : first + wanted]


def _draw_channels(
    ax: Axes, time: np.ndarray, signals: np.ndarray, channels: np.ndarray, columns: list[int]
) -> None:
    for column in columns:
        ax.plot(time, signals[:, column], color=COMPONENTS[component(channels[column])], lw=1.3)
