"""Divide people into parts, pick and scale channels: data/windows.npz to data/normalized.npz."""

import numpy as np

from har.data import windows
from har.data.splits import split_and_scale
from har.params import Params
from stages.common import NORMALIZED, WINDOWS, run


def main(params: Params) -> None:
    # The channels as measured are let go here, and scaled in place: once in memory is enough.
    unscaled = windows.with_channels(windows.load(WINDOWS)[0], params.windowing.channels)
    scaled, scaling = split_and_scale(
        unscaled,
        params.split.val_subjects,
        params.split.seed,
        params.normalization.method,
        params.split.test_subjects,
        overwrite=True,
    )
    windows.save(NORMALIZED, scaled, offset=scaling.offset, scale=scaling.scale)
    for part in ("train", "val", "test"):
        subjects = scaled.subject[scaled.split == part]
        print(f"{part}: {len(subjects):,} windows of subjects {np.unique(subjects).tolist()}")
    print(f"channels: {', '.join(scaled.channels)}")


if __name__ == "__main__":
    run(main)
