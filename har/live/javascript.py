"""What the recogniser in JavaScript needs beside the model, as data.

`static/recognizer.js` does what `har.recognition.recognizer` does around the model: resampling,
filters, windows and smoothing over time. It holds no numbers of its own; these are they.
"""

from typing import Any

from scipy.signal import sosfilt_zi

from har.model import postures
from har.model.bundle import Description
from har.model.hmm import SMALLEST
from har.model.runtime import OUTPUTS
from har.recognition import profile, recognizer
from har.signals import resampling
from har.signals.filters import ArchiveFilter
from har.signals.recordings import ACTIVITIES, SOME_POSTURE
from har.signals.sensors import (
    ACCELERATION_UNITS,
    ANGULAR_RATE_UNITS,
    MAX_ACCELERATION,
    MAX_ANGULAR_RATE,
    MOUNTINGS,
    NO_ANGULAR_RATE,
)

RECOGNIZER = "recognizer.json"


def for_javascript(description: Description) -> dict[str, Any]:
    """The content of `recognizer.json`.

    - `activities`, `sampling_rate`, `window_size`, `step`, `smoothing`, `model_sha256`: as in the
      bundle (`har.model.bundle.Description`); `outputs`: names of the model's outputs.
    - `postures_by_angle`: by placement the `shares` of posture (in the order of `still`) and step
      of angle, and whether the network's answer is `weighed`; the constants of
      `har.model.postures`.
    - `needs_gyroscope`: whether samples have angular rate.
    - `still`: the `postures` among the activities, and the `answer` where any of them is likely.
    - `smallest_probability`: floor of the evidence in smoothing.
    - `profile`: numbers of `har.recognition.profile`, the pattern of a `name`, and the `words` for
      each activity.
    - `filters`: each one's second-order sections as SciPy has them, and their state after long at
      a level of one (`settled`).
    - `readings`: what one of each unit is in g and rad/s, and ways to wear the phone, as rotations.
    - `limits`, `reasons`, `problems`: what is refused, and the words for it.
    - `defaults`: `hop`, `threshold` and `gap` of `Recognizer`.
    """
    archive = ArchiveFilter()
    return {
        **description.model_dump(
            include={
                "activities",
                "sampling_rate",
                "window_size",
                "step",
                "smoothing",
                "model_sha256",
            }
        ),
        "outputs": OUTPUTS,
        "still": {
            "answer": SOME_POSTURE,
            "postures": description.postures,
        },
        "postures_by_angle": {
            "placements": {
                name: {
                    "shares": [
                        description.angles[postures.PARTS[name]][posture]
                        for posture in description.postures
                    ],
                    "weighed": postures.PARTS[name] == postures.TRUNK,
                }
                for name in description.placements
            },
            "step": postures.STEP,
            "on_feet": postures.ON_FEET,
            "sure": postures.SURE,
            "needed": postures.NEEDED,
            "remembered": postures.REMEMBERED,
            "pause": postures.PAUSE,
        },
        "needs_gyroscope": description.needs_gyroscope,
        "smallest_probability": SMALLEST,
        "profile": {
            "evidence": profile.EVIDENCE,
            "near": profile.NEAR,
            "leaning": profile.LEANING,
            "gravity": profile.GRAVITY,
            "smallest": profile.SMALLEST,
            "most": profile.MAX_SHOWN,
            "name": r"[\p{L}\p{N}][\p{L}\p{N}_ \-]{0,39}",
            "words": {name: profile.spelt(name) for name in ACTIVITIES},
        },
        "filters": {
            name: {
                "sections": each.sections.tolist(),
                "settled": sosfilt_zi(each.sections).tolist(),
            }
            for name, each in (
                ("noise", archive.noise),
                ("gravity", archive.gravity),
                ("drift", archive.drift),
            )
        },
        "readings": {
            "acceleration_units": ACCELERATION_UNITS,
            "angular_rate_units": ANGULAR_RATE_UNITS,
            "mountings": {name: matrix.tolist() for name, matrix in MOUNTINGS.items()},
        },
        "limits": {
            "acceleration": MAX_ACCELERATION,
            "angular_rate": MAX_ANGULAR_RATE,
            "time": recognizer.MAX_TIME,
            "interval": recognizer.MIN_INTERVAL,
            "same_time": resampling.SAME_TIME,
        },
        "reasons": {
            "not_finite": recognizer.NOT_FINITE,
            "out_of_range": recognizer.OUT_OF_RANGE,
            "not_later": recognizer.NOT_LATER,
            "no_angular_rate": NO_ANGULAR_RATE,
        },
        "problems": recognizer.PROBLEMS,
        "defaults": {
            "hop": description.step,
            "threshold": recognizer.THRESHOLD,
            "gap": resampling.GAP,
        },
    }
