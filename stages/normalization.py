"""Divide people into parts, pick and scale channels: data/windows.npz to data/normalized.npz."""

from dataclasses import replace
from functools import partial

import numpy as np

from har.data import windows
from har.data.splits import assign_splits
from har.params import Params
from har.signals.blocks import in_blocks
from har.signals.channels import channel_names, make_channels
from har.signals.scaling import fit_scaling
from stages.common import NORMALIZED, WINDOWS, run

LISTED = 100
"""People that are named one by one; of more, the number is printed."""


def main(params: Params) -> None:
    measured = windows.load_measured(WINDOWS)
    settings, groups = params.split, params.windowing.channels
    split = assign_splits(measured, settings.val_subjects, settings.seed, settings.test_subjects)
    # A block at a time: the windows may be more than memory holds.
    make = partial(make_channels, groups=groups)
    scaling = fit_scaling(measured.signals, params.normalization.method, split == "train", make)
    names = channel_names(groups)
    scaled = replace(
        measured,
        signals=windows.unknown_signals(len(measured), measured.size, len(names)),
        split=split,
        channels=np.array(names),
    )
    blocks = (scaling.apply(make(block), overwrite=True) for block in in_blocks(measured.signals))
    windows.save(NORMALIZED, scaled, blocks, offset=scaling.offset, scale=scaling.scale)
    for part in ("train", "val", "test"):
        people, counts = np.unique(scaled.subject[scaled.split == part], return_counts=True)
        whom = f"subjects {people.tolist()}" if len(people) <= LISTED else f"{len(people):,} people"
        print(f"{part}: {counts.sum():,} windows of {whom}")
    print(f"channels: {', '.join(scaled.channels)}")


if __name__ == "__main__":
    run(main)
