"""Train the recurrent classifier: data/normalized.npz to its weights and reports/history.csv."""

import pandas as pd

from har.data import windows
from har.files import replacing_file
from har.learning import weights
from har.learning.networks import count_parameters
from har.learning.training import fit
from har.params import Params
from har.signals.scaling import Scaling
from stages.common import HISTORY, NORMALIZED, WEIGHTS, run


def main(params: Params) -> None:
    scaled, arrays = windows.load(NORMALIZED)
    scaling = Scaling(**arrays)
    train = scaled.of("train")
    network, history = fit(train, scaling, params, val=scaled.of("val"))
    record = weights.record_of(network, train, scaling, params, history.kept_epoch)
    with replacing_file(HISTORY) as partial:
        # `dvc plots` draws an empty cell as zero, and leaves out what is not a number.
        pd.DataFrame(history.epochs).to_csv(partial, index=False, float_format="%.6g", na_rep="NaN")
        weights.save(WEIGHTS, network, record)
    print(f"{count_parameters(network):,} parameters, {len(train):,} training windows")


if __name__ == "__main__":
    run(main)
