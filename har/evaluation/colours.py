"""A colour for each answer of recognition, the same in every picture and on the page."""

from har.signals.recordings import ACTIVITIES, SOME_POSTURE

ACTIVITY_COLOURS = dict(
    zip(
        (*ACTIVITIES, SOME_POSTURE),
        ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#F0E442", "#999999"),
        strict=True,
    )
)
"""Okabe and Ito's, and grey for any posture: told apart with any colour vision (https://jfly.uni-koeln.de/color/)."""
