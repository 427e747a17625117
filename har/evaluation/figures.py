"""The pictures of the project: from windows and tables to a figure, and how one is saved.

seaborn and SciPy take longer to import than most figures to draw, and are imported where they are
used.
"""

from collections.abc import Iterable
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, StrMethodFormatter
from matplotlib.transforms import ScaledTranslation

from har.data.windows import Windows
from har.evaluation import metrics, trials
from har.evaluation.colours import ACTIVITY_COLOURS
from har.files import replacing_file
from har.signals.blocks import by_block, in_blocks
from har.signals.channels import CHANNEL_GROUPS
from har.signals.recordings import ACTIVITIES, SAMPLING_RATE, STILL, in_words

# Colours of Okabe and Ito, told apart with any colour vision.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#595959"
SPLITS = {"train": ("Training", BLUE), "val": ("Validation", ORANGE), "test": ("Test", GREEN)}
COMPONENTS = {"x": BLUE, "y": ORANGE, "z": GREEN, "norm": GREY}

WIDTH = 9.0
"""Width of every picture in inches; shown 800 pixels wide, 10 points are 12 pixels high."""

STYLE = {
    "figure.dpi": 100,
    "savefig.dpi": 200,
    # The same names in every run.
    "svg.hashsalt": "har",
    "figure.titlesize": 12.5,
    "figure.titleweight": "bold",
    "figure.labelsize": "medium",
    "axes.titlesize": "medium",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "legend.frameon": False,
}
# Starts from the defaults, so that nobody's own settings change the pictures. Ticks and texts are
# completed when drawn: saving needs the style as well as building does.
_styled = matplotlib.style.context(["default", STYLE])

_PATTERN_SECONDS, _PATTERN_HERTZ = 10, 10
_RELIABILITY_BINS, _FEW_WINDOWS = 10, 20
_DRAWN_POINTS = 1500
_SMALLEST_SHARE = 0.1  # %; shares below it are coloured alike
_TIME_UNITS = (("h", 3600), ("min", 60), ("s", 1))


@_styled
def activity_distribution(windows: Windows) -> Figure:
    """Windows per activity in each split, and per subject and activity."""
    import seaborn as sns

    splits = [split for split in SPLITS if split in windows.split]
    people = {split: np.unique(windows.subject[windows.split == split]) for split in splits}
    labels = np.unique(windows.label)
    table = pd.DataFrame(
        {"activity": windows.label, "split": windows.split, "subject": windows.subject}
    )
    figure = _figure("How many windows there are of each activity, and from whom", 6.6)
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
    above.set_xticks(range(len(labels)), [_readable(each, "\n") for each in names])
    above.yaxis.set_major_locator(MaxNLocator(integer=True))
    above.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    above.grid(visible=False, axis="x")
    above.margins(y=0.1)
    _legend_above(above)

    order = [(split, subject) for split in splits for subject in people[split]]
    counts = pd.crosstab(table.activity, [table.split, table.subject])[order]
    readable = [_readable(each) for each in names]
    subjects = [subject for _, subject in order]
    shades: dict[str, Any] = {"cmap": "Greys", "vmin": 0, "vmax": 2 * counts.to_numpy().max()}
    size = min(8, 250 / len(order))
    _heatmap(below, counts, counts.map(str), readable, subjects, fontsize=size, **shades)
    below.set(xlabel="Subject (in the colour of the split)", ylabel="Activity")
    below.set_title("Windows of each subject")
    for tick, (split, _) in zip(below.get_xticklabels(), order, strict=True):
        size = min(10, 300 / len(order))
        tick.set(color=SPLITS[split][1], fontweight="bold", fontsize=size)
    return figure


@_styled
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
    figure = _figure(
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
        ax.set_title(_readable(windows.activities[label], "\n"), loc="center")
    for ax in grid[-1]:
        ax.set_xlabel("Time (s)")
    _legend_of_components(figure, train.channels)
    return figure


@_styled
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

    figure = _figure(f"Ten seconds of each activity (subject {subject}), and its rhythm", 7.8)
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
        ax.set(title=f"{_readable(activity)}{less}", xlim=(0, _PATTERN_SECONDS))
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
    _legend_of_components(figure, train.channels[columns])
    return figure


@_styled
def correlation_heatmap(windows: Windows) -> Figure:
    """Pearson correlation of every two channels over the samples of all training windows."""
    train = windows.of("train")
    number = len(train.channels)
    found = pd.DataFrame(_correlation(train.signals), train.channels, train.channels)
    figure = _figure("Correlation of the channels over all training windows", 6.2)
    ax = figure.subplots()
    texts = found.map("{:.2f}".format).replace("-0.00", "0.00")
    texts = texts.map(lambda text: text.replace("-", "\N{MINUS SIGN}"))
    names = train.channels.tolist()
    colours: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -1, "vmax": 1}
    size = min(10, 130 / number)
    mesh = _heatmap(ax, found, texts, names, names, fontsize=size, **colours)
    figure.colorbar(mesh, ax=ax, label="Correlation coefficient", ticks=[-1, -0.5, 0, 0.5, 1])
    if number > 6:
        ax.set_xticks(ax.get_xticks(), train.channels, rotation=40, ha="right", va="top")
    ax.set(xlabel="Channel", ylabel="Channel")
    return figure


@_styled
def training_loss(history: pd.DataFrame, kept_epoch: int | None) -> Figure:
    """Loss on training and validation subjects over the epochs."""
    figure = _curves(history, kept_epoch, "loss", 1)
    figure.axes[0].set(ylabel="Cross-entropy (nats per window)", ylim=(0, None))
    return figure


@_styled
def accuracy_curves(history: pd.DataFrame, kept_epoch: int | None) -> Figure:
    """Accuracy on training and validation subjects over the epochs."""
    figure = _curves(history, kept_epoch, "accuracy", 100)
    figure.axes[0].set(ylabel="Accuracy (% of windows)", ylim=(None, 100))
    return figure


@_styled
def cross_validation_curves(history: pd.DataFrame) -> Figure:
    """Loss and accuracy over the epochs of a cross-validation, in training and on people held out.

    A line is the mean over the folds, its band goes from the lowest of them to the highest.

    Args:
        history: Rows as in `har.learning.training.History.epochs`, with the `fold` of each.
    """
    folds = history.fold.nunique()
    figure = _figure(f"Loss and accuracy by epoch: {folds} folds, whose people are held out", 4.2)
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
        _legend_above(ax)
    loss, accuracy = figure.axes
    loss.set(ylabel="Cross-entropy (nats per window)", ylim=(0, None))
    accuracy.set(ylabel="Accuracy (% of windows)", ylim=(None, 100))
    return figure


@_styled
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
    figure = _figure("Which activities are taken for which, on test subjects", 6.6)
    ax = figure.subplots()
    rows = [f"{_readable(name)}\n({totals[name]:,})" for name in names]
    columns = [_readable(name, "\n") for name in names]
    texts = texts.where(counts > 0, "0")
    scale = SymLogNorm(_SMALLEST_SHARE, vmin=0, vmax=100)
    mesh = _heatmap(ax, shares, texts, rows, columns, cmap="Blues", norm=scale)
    bar = figure.colorbar(mesh, ax=ax, label="Share of the windows of the actual activity (%)")
    bar.set_ticks([0, 0.1, 1, 10, 100], labels=["0", "0.1", "1", "10", "100"])
    bar.minorticks_off()
    ax.set(xlabel="Predicted activity", ylabel="Actual activity (windows)")
    return figure


@_styled
def model_performance(
    per_class: pd.DataFrame, per_subject: pd.DataFrame, predictions: pd.DataFrame
) -> Figure:
    """Scores per activity, accuracy per subject, and how far the probabilities can be believed.

    Lines and the grey band are 95 % intervals for other people: the bootstrap over people.
    """
    figure = _figure("How well the model does on test subjects", 6.8)
    parts: Any = [["classes", "reliability"], ["subjects", "reliability"], ["subjects", "stated"]]
    axes = figure.subplot_mosaic(parts, width_ratios=(1.15, 1), height_ratios=(3, 0.8, 1.5))
    scored = _in_order(per_class.activity)
    others = _in_order({*predictions.actual, *predictions.predicted} - set(scored))
    tables = trials.tables_of(predictions, [*scored, *others])
    _draw_classes(axes["classes"], per_class, tables)
    _draw_subjects(axes["subjects"], per_subject)
    _draw_reliability(axes["reliability"], axes["stated"], predictions)
    return figure


@_styled
def recognised_recording(
    name: str,
    times: np.ndarray,
    signals: np.ndarray,
    spans: np.ndarray,
    activity: np.ndarray,
    labels: np.ndarray | None,
) -> Figure:
    """What a phone measured over time, and under it what its owner was recognised to do.

    Args:
        name: Of the recording.
        times: (samples,) in s, in order.
        signals: (samples, 6), acceleration in g and angular rate in rad/s, or (samples, 3) without
            the latter.
        spans: (predictions, 2), from when to when each is drawn, s.
        activity: (predictions,) names, empty where it is not known.
        labels: (samples,) names of what the person did, empty where it is not known; or None.
    """
    seconds = float(times[-1] - times[0])
    unit, size = next(each for each in _TIME_UNITS if seconds >= 10 * each[1] or each[1] == 1)
    bands = [("Recognised", spans / size, activity)]
    if labels is not None:
        edges = np.concatenate([times, times[-1:]])
        bands.append(("Labelled", np.column_stack([edges[:-1], edges[1:]]) / size, labels))
    quantities = ["Acceleration (g)", "Angular rate (rad/s)"][: signals.shape[1] // 3]
    height = 1.4 + 2 * len(quantities) + 0.35 * len(bands)
    figure = _figure(f"What was recognised in {name}", height)
    *axes, below = figure.subplots(
        len(quantities) + 1,
        1,
        sharex=True,
        height_ratios=(*(3 for _ in quantities), 0.55 * len(bands)),
    )
    at, drawn = _envelope(times, signals)
    for number, (ax, quantity) in enumerate(zip(axes, quantities, strict=True)):
        for component, values in zip("xyz", drawn[:, 3 * number :][:, :3].T, strict=True):
            ax.plot(at / size, values, color=COMPONENTS[component], lw=0.8)
        ax.set(ylabel=quantity)
    for ax in (*axes, below):
        ax.margins(x=0)
    for row, (_, edges, names) in enumerate(bands):
        for span, each in _runs(edges, names):
            colour = ACTIVITY_COLOURS.get(each)
            looks: dict[str, Any] = {"facecolors": colour, "linewidth": 0}
            if colour is None and row == 0:
                looks = {"facecolors": "#E3E3E3", "hatch": "////", "edgecolor": "#9A9A9A", "lw": 0}
            if colour is not None or row == 0:
                below.broken_barh([(span[0], span[1] - span[0])], (-row - 0.4, 0.8), **looks)
    below.set_yticks([-row for row in range(len(bands))], [each for each, _, _ in bands])
    below.set(xlabel=f"Time ({unit})", ylim=(-len(bands) + 0.45, 0.55))
    below.grid(visible=False)
    below.tick_params(axis="y", length=0)
    present = {each for _, _, names in bands for each in np.unique(names)}
    patches = [
        Patch(facecolor=colour, label=_readable(each))
        for each, colour in ACTIVITY_COLOURS.items()
        if each in present
    ]
    if (activity == "").any():
        grey: dict[str, Any] = {"facecolor": "#E3E3E3", "hatch": "////", "edgecolor": "#9A9A9A"}
        patches.append(Patch(label="Not known", linewidth=0, **grey))
    # Under the axis' own label, and above the note of `save`.
    under = below.transAxes + ScaledTranslation(0, -0.5, figure.dpi_scale_trans)
    tight = {"borderpad": 0, "borderaxespad": 0, "columnspacing": 1.2, "handlelength": 1.4}
    below.legend(
        handles=patches,
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=under,
        ncols=4,
        **tight,
    )
    _legend_of_components(figure, np.array(["x", "y", "z"]))
    return figure


@_styled
def save(figure: Figure, path: Path, note: str) -> None:
    """Write a figure as PNG or, by its name, SVG, the same bytes every time.

    `note` is small in its lower right corner.
    """
    if figure.get_supxlabel() != note:
        figure.supxlabel(note, x=0.99, ha="right", fontsize=8.5, color=GREY)
    # Laid out once: a second time would take as long, and move things by a hair.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    with replacing_file(path) as partial:
        if path.suffix == ".svg":
            figure.savefig(partial, format="svg", metadata={"Date": None, "Creator": None})
        else:
            figure.savefig(partial, metadata={"Software": None}, pil_kwargs={"optimize": True})


def _figure(title: str, height: float) -> Figure:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def _readable(activity: str, between: str = " ") -> str:
    return in_words(activity).replace(" ", between).capitalize()


def _in_order(activities: Iterable[str]) -> list[str]:
    return sorted(activities, key=ACTIVITIES.index)


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}{'s' * (number != 1)}"


def _component(channel: str) -> str:
    return channel.rpartition("_")[2]


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
        ax.plot(time, signals[:, column], color=COMPONENTS[_component(channels[column])], lw=1.3)


def _envelope(times: np.ndarray, signals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is seen of the signals at the picture's width, NaN in gaps: (drawn,), (drawn, columns).

    Of more samples than can be told apart, the smallest and the largest of each short while.
    """
    each = -(-len(times) // _DRAWN_POINTS)
    if each > 1:
        starts = np.arange(0, len(times), each)
        low = np.minimum.reduceat(signals, starts)
        high = np.maximum.reduceat(signals, starts)
        signals = np.stack([low, high], axis=1).reshape(-1, signals.shape[1])
        times = np.repeat(times[starts], 2)
    gaps = np.flatnonzero(np.diff(times) > max(1.0, 3 * each / SAMPLING_RATE)) + 1
    return np.insert(times, gaps, np.nan), np.insert(signals, gaps, np.nan, axis=0)


def _runs(spans: np.ndarray, names: np.ndarray) -> list[tuple[tuple[float, float], str]]:
    """Neighbours of one name, joined; those that do not touch stay apart."""
    if len(names) == 0:
        return []
    longest = 1.5 * float(np.median(spans[:, 1] - spans[:, 0]))
    apart = (names[1:] != names[:-1]) | (np.diff(spans[:, 0]) > longest)
    starts = np.concatenate([[0], np.flatnonzero(apart) + 1])
    ends = np.concatenate([starts[1:] - 1, [len(names) - 1]])
    return [
        ((float(spans[start, 0]), float(spans[end, 1])), str(names[start]))
        for start, end in zip(starts, ends, strict=True)
    ]


def _heatmap(
    ax: Axes,
    table: pd.DataFrame,
    texts: pd.DataFrame,
    rows: Iterable[Any],
    columns: Iterable[Any],
    fontsize: float = 10,
    **colours: Any,
) -> QuadMesh:
    """Cells in colour with a text in each, black or white as it is read better."""
    mesh = ax.pcolormesh(table, edgecolors="white", linewidth=0.5, **colours)
    shades = mesh.to_rgba(table.to_numpy(float))[..., :3] @ (0.299, 0.587, 0.114)
    text: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": fontsize}
    for (row, column), shade in np.ndenumerate(shades):
        colour = "black" if shade > 0.5 else "white"
        ax.text(column + 0.5, row + 0.5, str(texts.iat[row, column]), color=colour, **text)
    ax.set_yticks(np.arange(table.shape[0]) + 0.5, [str(each) for each in rows])
    ax.set_xticks(np.arange(table.shape[1]) + 0.5, [str(each) for each in columns])
    ax.invert_yaxis()
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return mesh


def _legend_above(ax: Axes, title: str = "") -> None:
    """Between axes and title, where it covers no data."""
    options = {"ncols": 4, "borderaxespad": 0.3, "borderpad": 0, "handlelength": 1.4}
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), columnspacing=1.3, **options)
    ax.set_title(title, pad=22)


def _legend_of_components(figure: Figure, channels: np.ndarray) -> None:
    """Beside the picture's title, where it takes no room from the axes."""
    present = {_component(channel) for channel in channels}
    shown = [component for component in COMPONENTS if component in present]
    lines = [Line2D([], [], color=COMPONENTS[component]) for component in shown]
    names = ["Length" if component == "norm" else f"{component} axis" for component in shown]
    tight = {"borderpad": 0, "borderaxespad": 0.6, "columnspacing": 1.2, "handlelength": 1.4}
    figure.legend(lines, names, loc="upper right", ncols=len(shown), **tight)


def _curves(history: pd.DataFrame, kept_epoch: int | None, score: str, factor: float) -> Figure:
    figure = _figure(f"{score.capitalize()} by epoch", 4.6)
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
    _legend_above(ax)
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
    ax.set_yticks(rows, [f"{_readable(name)} ({table.support[name]:,})" for name in names])
    ax.invert_yaxis()
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.set(xlabel="Score (%)", ylabel="Activity (windows)", xlim=(None, 100))
    _legend_above(ax, "Scores of each activity")


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
    _legend_above(ax, "Accuracy on each subject")


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
    _legend_above(ax, "Are the probabilities right?")
    below.hist(stated, edges.tolist(), color=BLUE, edgecolor="white", log=True)
    below.yaxis.set_major_locator(LogLocator(numticks=6))
    below.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    below.set(xlim=(0, 100), xlabel="Stated probability (%)", ylabel="Windows", ylim=(0.7, None))
