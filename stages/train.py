"""Train the recurrent classifier: data/normalized.npz to its weights and reports/history.csv."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from har.data import windows
from har.files import replacing_file
from har.learning import weights
from har.learning.networks import count_parameters
from har.learning.training import Epoch, fit
from har.params import Params
from har.signals.scaling import Scaling
from stages.common import HISTORY, NORMALIZED, WEIGHTS, run


def main(params: Params) -> None:
    scaled, arrays = windows.load(NORMALIZED)
    scaling = Scaling(**arrays)
    train = scaled.of("train")
    epochs: list[Epoch] = []

    def on_epoch(row: Epoch) -> None:
        """Write the history so far: `dvc plots show` draws the curves while the training runs."""
        epochs.append(row)
        with replacing_file(HISTORY) as partial:
            # `dvc plots` draws an empty cell as zero, and leaves out what is not a number.
            pd.DataFrame(epochs).to_csv(partial, index=False, float_format="%.6g", na_rep="NaN")

    with _as_before_on_failure(HISTORY):
        network, history = fit(train, scaling, params, val=scaled.of("val"), on_epoch=on_epoch)
        record = weights.record_of(network, train, scaling, params, history.kept_epoch)
        weights.save(WEIGHTS, network, record)
    print(f"{count_parameters(network):,} parameters, {len(train):,} training windows")


@contextmanager
def _as_before_on_failure(path: Path) -> Iterator[None]:
    """A history and weights of two trainings would not go together."""
    before = path.read_bytes() if path.exists() else None
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        if before is not None:
            with replacing_file(path) as partial:
                partial.write_bytes(before)
        raise


if __name__ == "__main__":
    run(main)
