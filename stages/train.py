"""Train the recurrent classifier: data/normalized.npz to models/ and reports/history.csv."""

import pandas as pd

from har.data import windows
from har.files import replacing_file
from har.learning.augmentation import Augmenter
from har.learning.networks import build, choose_device, count_parameters
from har.learning.training import seed_everything, train_model
from har.model import bundle
from har.params import Params
from har.signals.recordings import ACTIVITIES
from har.signals.scaling import Scaling
from stages.common import BUNDLE, HISTORY, NORMALIZED, run
from stages.track import record


def main(params: Params) -> None:
    scaled, scaling = windows.load(NORMALIZED)
    train, val = scaled.of("train"), scaled.of("val")
    seed_everything(params.train.seed, params.train.threads)
    model = build(params.model, len(scaled.channels), len(ACTIVITIES))
    print(f"{count_parameters(model):,} parameters, {len(train):,} training windows")
    augmenter = Augmenter(
        train, Scaling(**scaling), params.augmentation, choose_device(params.train.device)
    )
    model, history = train_model(
        model,
        *windows.prepare_lstm_data(train),
        *windows.prepare_lstm_data(val),
        settings=params.train,
        augmenter=augmenter,
    )
    trained = bundle.made_of(model, train, Scaling(**scaling), params, history.kept_epoch)
    bundle.save(BUNDLE, trained)
    with replacing_file(HISTORY) as partial:
        pd.DataFrame(history.epochs).to_csv(partial, index=False, float_format="%.6g")
    record("train", params)


if __name__ == "__main__":
    run(main)
