"""Divide people into parts, pick and scale channels: data/windows.npz to data/normalized.npz."""

import numpy as np

from har.data import windows
from har.data.splits import split_and_scale
from har.params import Params
from stages.common import NORMALIZED, WINDOWS, run


def main(params: Params) -> None:
    measured, _ = windows.load(WINDOWS)
    unscaled = windows.with_channels(measured, params.windowing.channels)
    scaled, scaling = split_and_scale(
        unscaled,
        params.split.val_subjects,
        params.split.seed,
        params.normalization.method,
        params.split.test_subjects,
    )
    windows.save(NORMALIZED, scaled, offset=scaling.offset, scale=scaling.scale)
    for part in ("train", "val", "test"):
        selected = scaled.of(part)
        subjects = np.unique(selected.subject).tolist()
        print(f"{part}: {len(selected):,} windows of subjects {subjects}")
    print(f"channels: {', '.join(scaled.channels)}")


if __name__ == "__main__":
    run(main)
