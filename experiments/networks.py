"""Networks that several experiments use: trained once, packaged, and kept in experiments/networks/.

A folder is named after what the network learnt from and a digest of all that decides it, so that a
network of other settings or data is another folder. Deleted, it is trained again.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from har.data.windows import Windows, with_channels
from har.learning.networks import Classifier
from har.learning.training import fit
from har.learning.weights import DECIDING, TrainingRecord, record_of
from har.model import bundle
from har.model.bundle import Bundle
from har.model.packaging import package
from har.params import Params
from har.signals.scaling import fit_scaling

FOLDER = Path("experiments/networks")


def folder_of(name: str, params: Params, train: Windows) -> Path:
    """Where the network of these settings and windows is kept.

    Args:
        name: In words, such as `without-hapt`.
        params: Its settings.
        train: What it learns from, in g and rad/s.
    """
    sections = (*DECIDING, "windowing", "normalization", "calibration")
    deciding = {key: value for key, value in params.flat().items() if key.split(".")[0] in sections}
    for own in ("train.threads", "train.device", "train.keep"):
        deciding.pop(own)
    people = np.unique(train.subject).tolist()
    facts = json.dumps([deciding, train.dataset_digest, train.source, people], sort_keys=True)
    return FOLDER / f"{name}-{hashlib.sha256(facts.encode()).hexdigest()[:12]}"


def fitted(
    params: Params, train: Windows, **changes: Any
) -> tuple[Classifier, TrainingRecord, Windows]:
    """A network of these settings, its record, and the windows as it took them.

    Args:
        params: Its settings; the last epoch is kept, and one thread trains.
        train: Windows of the `BASE_CHANNELS`, in g and rad/s.
        **changes: Single settings of the training, such as `seed`.
    """
    settings = params.train.model_copy(update={"keep": "last", "threads": 1, **changes})
    changed = params.model_copy(update={"train": settings})
    known = with_channels(train, params.windowing.channels)
    scaling = fit_scaling(known.signals, params.normalization.method)
    scaled = replace(known, signals=scaling.apply(known.signals))
    network, history = fit(scaled, scaling, changed, show_progress=False)
    return network, record_of(network, scaled, scaling, changed, history.kept_epoch), scaled


def trained(name: str, params: Params, train: Windows) -> Bundle:
    """A network of these settings that learnt from these windows, on one thread of the CPU.

    Args:
        name: In words, such as `without-hapt`.
        params: Its settings; the last epoch is kept.
        train: Windows of the `BASE_CHANNELS`, in g and rad/s.
    """
    folder = folder_of(name, params, train)
    if not (folder / bundle.DESCRIPTION).exists():
        network, record, scaled = fitted(params, train, device="cpu")
        calibration = params.calibration
        made = package(
            network, record, scaled, calibration.temperature, calibration.posture_temperature
        )
        bundle.save(folder, made)
    return bundle.load(folder)
