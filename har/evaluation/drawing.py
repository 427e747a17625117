"""What all figures share: their size, style and colours, parts of them, and how one is saved."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from har.files import replacing_file
from har.signals.recordings import in_words

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
styled = matplotlib.style.context(["default", STYLE])


@styled
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


def new_figure(title: str, height: float) -> Figure:
    """An empty figure with a title, `height` inches high."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def readable(activity: str, between: str = " ") -> str:
    """An activity in words, with `between` them, such as `Walking upstairs`."""
    return in_words(activity).replace(" ", between).capitalize()


def heatmap(
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


def legend_above(ax: Axes, title: str = "") -> None:
    """Between axes and title, where it covers no data."""
    options = {"ncols": 4, "borderaxespad": 0.3, "borderpad": 0, "handlelength": 1.4}
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), columnspacing=1.3, **options)
    ax.set_title(title, pad=22)


def legend_of_components(figure: Figure, channels: np.ndarray) -> None:
    """Beside the picture's title, where it takes no room from the axes."""
    present = {component(channel) for channel in channels}
    shown = [each for each in COMPONENTS if each in present]
    lines = [Line2D([], [], color=COMPONENTS[each]) for each in shown]
    names = ["Length" if each == "norm" else f"{each} axis" for each in shown]
    tight = {"borderpad": 0, "borderaxespad": 0.6, "columnspacing": 1.2, "handlelength": 1.4}
    figure.legend(lines, names, loc="upper right", ncols=len(shown), **tight)


def component(channel: str) -> str:
    """Which of `COMPONENTS` a channel is."""
    return channel.rpartition("_")[2]
