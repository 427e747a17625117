"""Train the recurrent classifier: data/normalized.npz to models/ and reports/history.csv."""

import numpy as np
import pandas as pd

from har import bundle, novelty, windows
from har.augmentation import Augmenter
from har.files import replacing_file
from har.models import build, choose_device, count_parameters
from har.params import Params
from har.recordings import ACTIVITIES, SAMPLING_RATE
from har.signals import Scaling, channel_units
from har.smoothing import learn_transitions
from har.training import seed_everything, train_model
from stages.common import BUNDLE, HISTORY, NORMALIZED, run
from stages.track import record

SECTIONS = ("model", "train", "augmentation")
"""Those that decide what the model is."""


def main(params: Params) -> None:
    scaled, scaling = windows.load(NORMALIZED)
    train, val = scaled.of("train"), scaled.of("val")
    seed_everything(params.train.seed, params.train.threads)
    model = build(params.model, len(scaled.channels), len(ACTIVITIES))
    print(f"{count_parameters(model):,} parameters, {len(train):,} training windows")
    device = choose_device(params.train.device)
    augmenter = Augmenter(train, Scaling(**scaling), params.augmentation, device)
    model, history = train_model(
        model,
        *windows.prepare_lstm_data(train),
        *windows.prepare_lstm_data(val),
        settings=params.train,
        augmenter=augmenter,
    )
    summaries = novelty.summarize(train.signals, scaled.channels)
    description = bundle.Description(
        model=params.model.name,
        architecture=model.settings,
        activities=list(ACTIVITIES),
        channels=scaled.channels.tolist(),
        units=[channel_units()[name] for name in scaled.channels],
        sampling_rate=SAMPLING_RATE,
        window_size=scaled.size,
        window_overlap=scaled.overlap,
        offset=scaling["offset"].tolist(),
        scale=scaling["scale"].tolist(),
        dataset=scaled.dataset,
        dataset_digest=scaled.dataset_digest,
        train_subjects=np.unique(train.subject).tolist(),
        transitions=learn_transitions(train.label, train.subject, len(ACTIVITIES)).tolist(),
        priors=(np.bincount(train.label, minlength=len(ACTIVITIES)) / len(train)).tolist(),
        temperature=params.calibration.temperature,
        novelty=novelty.fit(summaries, train.label, train.subject),
        kept_epoch=history.kept_epoch,
        settings={
            f"{section}.{key}": value
            for section, settings in params
            if section in SECTIONS
            for key, value in settings.model_dump().items()
        },
    )
    bundle.save(BUNDLE, bundle.Bundle(model, description))
    with replacing_file(HISTORY) as partial:
        pd.DataFrame(history.epochs).to_csv(partial, index=False, float_format="%.6g")
    record("train", params)


if __name__ == "__main__":
    run(main)
