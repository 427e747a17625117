"""Fit what follows training, and export the whole: the weights to models/, ready to predict."""

from har.data import windows
from har.files import sha256
from har.learning import weights
from har.model import bundle
from har.model.packaging import package
from har.params import Params
from stages.common import BUNDLE, NORMALIZED, WEIGHTS, run


def main(params: Params) -> None:
    train, scaling = windows.load_scaled(NORMALIZED, "train")
    network, training = weights.load(WEIGHTS)
    training.check_fits(train, scaling)
    packaged = package(
        network,
        training,
        train,
        temperature=params.calibration.temperature,
        posture_temperature=params.calibration.posture_temperature,
        weights_sha256=sha256(WEIGHTS),
    )
    bundle.save(BUNDLE, packaged)
    print(f"{BUNDLE}: {len(packaged.model):,} bytes, equal to PyTorch's network")


if __name__ == "__main__":
    run(main)
