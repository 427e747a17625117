"""The figure of one recording, and of what was recognised in it."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.transforms import ScaledTranslation

from har.evaluation.colours import ACTIVITY_COLOURS
from har.evaluation.drawing import (
    COMPONENTS,
    legend_of_components,
    new_figure,
    readable,
    styled,
)
from har.signals.recordings import SAMPLING_RATE

_DRAWN_POINTS = 1500
_TIME_UNITS = (("h", 3600), ("min", 60), ("s", 1))


@styled
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
    figure = new_figure(f"What was recognised in {name}", height)
    *axes, below = figure.subplots(
        len(quantities) + 1,
        1,
        sharex=True,
        height_ratios=(*(3 for _ in quantities), 0.55 * len(bands)),
    )
    at, drawn = _envelope(times, signals)
    for number, (ax, quantity) in enumerate(zip(axes, quantities, strict=True)):
        for axis, values in zip("xyz", drawn[:, 3 * number :][:, :3].T, strict=True):
            ax.plot(at / size, values, color=COMPONENTS[axis], lw=0.8)
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
        Patch(facecolor=colour, label=readable(each))
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
    legend_of_components(figure, np.array(["x", "y", "z"]))
    return figure


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
