"""A colour for each activity, the same in every picture and on the page."""

from har.signals.recordings import ACTIVITIES

ACTIVITY_COLOURS = dict(
    zip(
        ACTIVITIES,
        ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#F0E442"),
        strict=True,
    )
)
"""Okabe and Ito's, told apart with any colour vision (https://jfly.uni-koeln.de/color/)."""
