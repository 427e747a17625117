"""Draw the figures of docs/ as SVG, sharp at any size, from the tables in reports/: `make readme`.

Those of the pipeline's own run are the ones that it draws in reports/figures/.
"""

from pathlib import Path

from experiments.history_held_out import HISTORY_HELD_OUT
from har.errors import in_one_line
from har.evaluation import drawing, model_figures
from stages.reports import read_metrics, read_scores, read_table

FOLDER = Path("docs/images")


def main() -> None:
    """Draw all."""
    predictions, per_class, per_subject = read_scores()
    drawn = {
        "confusion_matrix": model_figures.confusion_matrix(predictions),
        "model_performance": model_figures.model_performance(per_class, per_subject, predictions),
        "cross_validation_curves": model_figures.cross_validation_curves(
            read_table(HISTORY_HELD_OUT)
        ),
    }
    note = f"data set: {read_metrics()['dataset']}"
    for name, figure in drawn.items():
        drawing.save(figure, FOLDER / f"{name}.svg", note)


if __name__ == "__main__":
    with in_one_line():
        main()
