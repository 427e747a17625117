"""Draw the figures of the model in reports/figures/ from the history and the predictions."""

from har.errors import HarError
from har.evaluation import drawing, model_figures
from har.files import replacing_files
from har.model import bundle
from har.params import Params
from stages.common import BUNDLE, FIGURES, HISTORY, MODEL_FIGURES, run
from stages.reports import read_history, read_scores


def main(_: Params) -> None:
    training = bundle.describe(BUNDLE).training
    history, scores = read_history(), read_scores()
    if len(history) != training.settings["train.epochs"]:
        raise HarError(f"{HISTORY} is damaged: delete it and run `dvc repro`")
    drawn = (
        model_figures.training_loss(history, training.kept_epoch),
        model_figures.accuracy_curves(history, training.kept_epoch),
        model_figures.confusion_matrix(scores.predictions),
        model_figures.model_performance(scores.per_class, scores.per_subject, scores.predictions),
    )
    with replacing_files(*(FIGURES / f"{name}.png" for name in MODEL_FIGURES)) as partials:
        for figure, partial in zip(drawn, partials, strict=True):
            drawing.save(figure, partial, f"data set: {training.dataset}")


if __name__ == "__main__":
    run(main)
