"""Train the recurrent classifier: data/normalized.npz to models/ and reports/history.csv."""

import pandas as pd

from har.data import windows
from har.files import replacing_file
from har.learning.networks import count_parameters
from har.learning.training import fit
from har.model import bundle
from har.params import Params
from har.signals.scaling import Scaling
from stages.common import BUNDLE, HISTORY, NORMALIZED, run
from stages.track import record


def main(params: Params) -> None:
    scaled, arrays = windows.load(NORMALIZED)
    scaling = Scaling(**arrays)
    train = scaled.of("train")
    model, history = fit(train, scaling, params, val=scaled.of("val"))
    print(f"{count_parameters(model):,} parameters, {len(train):,} training windows")
    trained = bundle.made_of(model, train, scaling, params, history.kept_epoch)
    bundle.save(BUNDLE, trained)
    with replacing_file(HISTORY) as partial:
        pd.DataFrame(history.epochs).to_csv(partial, index=False, float_format="%.6g")
    record("train", params)


if __name__ == "__main__":
    run(main)
