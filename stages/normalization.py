"""Set validation subjects apart and scale the channels: data/windows.npz to data/normalized.npz."""

from dataclasses import replace

import numpy as np

from har import windows
from har.params import Params
from har.signals import fit_scaling
from har.splits import assign_splits
from stages.common import NORMALIZED, WINDOWS, run


def main(params: Params) -> None:
    cut, _ = windows.load(WINDOWS)
    split = assign_splits(cut, params.split.val_subjects, params.split.seed)
    scaling = fit_scaling(cut.signals[split == "train"], params.normalization.method)
    scaled = replace(cut, signals=scaling.apply(cut.signals), split=split)
    windows.save(NORMALIZED, scaled, offset=scaling.offset, scale=scaling.scale)
    for part in ("train", "val", "test"):
        of_part = split == part
        subjects = np.unique(cut.subject[of_part]).tolist()
        print(f"{part}: {of_part.sum():,} windows of subjects {subjects}")


if __name__ == "__main__":
    run(main)
