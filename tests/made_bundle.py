"""A bundle with an untrained network that is sure of itself, and signals to feed it."""

import numpy as np
import torch

from har.learning.networks import CLASSIFIERS, ConvRecurrentClassifier
from har.model import novelty
from har.model.bundle import Bundle, Description
from har.model.hmm import learn_transitions
from har.signals.channels import CHANNEL_GROUPS, channel_names, channel_units, make_channels
from har.signals.filters import filter_recording
from har.signals.recordings import ACTIVITIES
from har.signals.scaling import fit_scaling

SIZE = 32
CLASSES = len(ACTIVITIES)
GROUPS = tuple(CHANNEL_GROUPS)


def movement(times: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Acceleration and angular rate of a body that rests, walks and turns over by turns."""
    phase = (times[:, None] - times[0]) * [11.0, 22.0, 5.5] + [0, 1, 2]
    posture = np.floor((times - times[0]) / 4)[:, None]
    up = np.stack([np.cos(posture[:, 0]), np.sin(posture[:, 0]), 0.3 * np.cos(posture[:, 0])], 1)
    strength = 0.4 * (posture % 3) / 2
    noise = rng.normal(0, 0.01, (2, len(times), 3))
    return up + strength * np.sin(phase) + noise[0], 2 * strength * np.cos(phase) + noise[1]


def untrained(name: str, channels: int, **settings: object) -> torch.nn.Module:
    """A network whose logits differ from window to window as a trained one's do."""
    torch.manual_seed(1)
    usual = {"hidden_size": 12, "num_layers": 1, "bidirectional": True, "dropout": 0.3}
    own = (
        {
            "filters": 8,
            "kernels": [5, 7],
            "pooling": [2, 2],
            "companding": [0.03, 0.01],
            "shortcut": True,
        }
        if CLASSIFIERS[name] is ConvRecurrentClassifier
        else {"head_size": 16}
    )
    model = CLASSIFIERS[name](channels, CLASSES, **(usual | own | settings))
    last = model.head if isinstance(model.head, torch.nn.Linear) else model.head[-1]
    with torch.no_grad():
        last.weight *= 40
    return model.eval()


def made_bundle() -> Bundle:
    """All channel groups; scaling and novelty fitted on `movement`."""
    rng = np.random.default_rng(0)
    times = np.arange(4000) / 50
    signals = filter_recording(*movement(times, rng))[100:].astype(np.float32)
    starts = np.arange(0, len(signals) - SIZE, SIZE // 2)
    windows = make_channels(signals[starts[:, None] + np.arange(SIZE)], GROUPS)
    scaling = fit_scaling(windows, "standard")
    scaled = scaling.apply(windows)
    label = np.arange(len(scaled)) // 9 % CLASSES
    subject = np.arange(len(scaled)) * 4 // len(scaled)
    names = channel_names(GROUPS)
    model = untrained("conv_recurrent", len(names), cell="lstm")
    with torch.no_grad():  # none of the activities is to win everywhere
        model.head.bias -= model(torch.from_numpy(scaled)).mean(dim=0)
    description = Description(
        model="conv_recurrent",
        architecture=model.settings,
        activities=list(ACTIVITIES),
        channels=list(names),
        units=[channel_units()[each] for each in names],
        sampling_rate=50,
        window_size=SIZE,
        window_overlap=0.5,
        offset=scaling.offset.tolist(),
        scale=scaling.scale.tolist(),
        dataset="made_up",
        dataset_digest="0" * 64,
        train_subjects=[0, 1, 2, 3],
        transitions=learn_transitions(label, subject, CLASSES).tolist(),
        priors=(np.bincount(label, minlength=CLASSES) / len(label)).tolist(),
        temperature=0.7,
        novelty=novelty.fit(novelty.summarize(scaled, names), label, subject),
        kept_epoch=0,
        settings={},
    )
    return Bundle(model, description)
