"""Draw the figures of the data in reports/figures/, from data/windows.npz and its split."""

from har.data import windows
from har.evaluation import data_figures, drawing
from har.files import replacing_files
from har.params import Params
from stages.common import DATA_FIGURES, FIGURES, NORMALIZED, WINDOWS, run


def main(_: Params) -> None:
    measured = windows.split_as(windows.load_measured(WINDOWS), windows.load_scaled(NORMALIZED)[0])
    with replacing_files(*(FIGURES / f"{name}.png" for name in DATA_FIGURES)) as partials:
        for name, partial in zip(DATA_FIGURES, partials, strict=True):
            figure = getattr(data_figures, name)(measured)
            drawing.save(figure, partial, f"data set: {measured.source}")


if __name__ == "__main__":
    run(main)
