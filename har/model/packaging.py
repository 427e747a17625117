"""From trained weights to a bundle: what is fitted after training, and the export."""

import hashlib

import numpy as np
import torch

from har.data.windows import Windows, step_of
from har.learning.balance import draw_weights
from har.learning.networks import Classifier
from har.learning.weights import TrainingRecord
from har.model import embedding, novelty
from har.model.bundle import Bundle, Description, Smoothing, sees_upright
from har.model.deployed import DeployedModel, summarize_for
from har.model.export import to_onnx
from har.model.hmm import learn_durations
from har.model.postures import learn_angles
from har.signals.blocks import by_block, in_blocks, taken
from har.signals.channels import channel_units, groups_of
from har.signals.recordings import BASE_CHANNELS, SAMPLING_RATE

TOGETHER = 1024
"""Windows in one run of the network."""


def package(
    network: Classifier,
    record: TrainingRecord,
    train: Windows,
    temperature: float,
    posture_temperature: float = 1.0,
    weights_sha256: str = "",
) -> Bundle:
    """Fit on the training people what follows training, and export the whole.

    Args:
        network: The trained network.
        record: What it was trained on.
        train: Its training windows, scaled.
        temperature: Logits are divided by it (`har.model.calibration`).
        posture_temperature: Those of the postures by this too, to tell these from each other.
        weights_sha256: Of the weights' file, to be noted.

    Raises:
        HarError: The export differs from PyTorch.
    """
    classes = len(record.activities)
    step = step_of(record.window_size, record.window_overlap)
    summaries = by_block(
        train.signals,
        lambda block: summarize_for(network, torch.tensor(block), record.channels).numpy(),
    )
    deployed = DeployedModel(
        network,
        record.activities,
        groups_of(record.channels),
        record.scaling,
        temperature,
        posture_temperature,
        novelty.fit(summaries, train.label, train.subject),
        _embedding(network, train),
    )
    model = to_onnx(deployed, record.window_size)
    # As often as the training has drawn them.
    chances = draw_weights(train, record.settings["train.balance"])
    seen = np.bincount(train.label, chances, minlength=classes)
    description = Description(
        signals=list(BASE_CHANNELS),
        units=[channel_units()[name] for name in BASE_CHANNELS],
        sampling_rate=SAMPLING_RATE,
        window_size=record.window_size,
        step=step,
        activities=record.activities,
        temperature=temperature,
        smoothing=Smoothing(
            durations=_durations(train, classes, step / SAMPLING_RATE).tolist(),
            priors=(seen / seen.sum()).tolist(),
            together=deployed.postures if sees_upright(record.network) else [],
        ),
        angles=_angles(train) if sees_upright(record.network) else {},
        training=record,
        weights_sha256=weights_sha256,
        model_sha256=hashlib.sha256(model).hexdigest(),
    )
    return Bundle(description, model)


@torch.inference_mode()
def _embedding(network: Classifier, train: Windows) -> embedding.Embedding:
    groups = embedding.group(train.label, train.subject, train.placement)
    rows = embedding.spread_out(groups)
    network = network.cpu().eval()
    parts = (
        torch.from_numpy(taken(train.signals, part)) for part in in_blocks(rows, size=TOGETHER)
    )
    features = torch.cat([network.features(part) for part in parts]).numpy()
    return embedding.fit(features, groups[rows])


def _angles(train: Windows) -> dict[str, dict[str, list[float]]]:
    """Angles of postures (`learn_angles`)."""
    # In g: what turns vectors by gravity takes them unscaled.
    columns = [train.channels.tolist().index(f"total_acc_{axis}") for axis in "xyz"]
    acceleration = by_block(
        train.signals, lambda block: block[..., columns].mean(axis=1, dtype=float)
    )
    activity = train.activities[train.label]
    return learn_angles(acceleration, activity, train.subject, train.placement)


def _durations(train: Windows, classes: int, seconds: float) -> np.ndarray:
    """How long each activity lasts (`learn_durations`), in the data set where it is shortest.

    Scripts have five minutes of walking or ten seconds. Who expects the former is slow to see a
    change; who expects the latter sees one too many.
    """
    found = np.full(classes, np.inf)
    for name in np.unique(train.dataset):
        rows = np.flatnonzero(train.dataset == name)
        # One phone at a time, where a person wore several.
        rows = rows[np.lexsort((rows, train.placement[rows], train.subject[rows]))]
        learnt = learn_durations(train.label[rows], train.subject[rows], classes, seconds)
        here = np.bincount(train.label[rows], minlength=classes) > 0
        found[here] = np.minimum(found, learnt)[here]
    # Of what nobody did there is no telling.
    return np.where(np.isfinite(found), found, found[np.isfinite(found)].mean())
