"""Bundles with untrained networks that are sure of themselves, and signals to feed them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from filelock import FileLock

from har.data.windows import Windows
from har.learning.networks import Classifier, build
from har.learning.weights import TrainingRecord, record_of
from har.model import novelty
from har.model.bundle import Bundle, load, save
from har.model.deployed import summarize_for
from har.model.packaging import package
from har.params import NETWORKS, Params, checked
from har.signals.channels import CHANNEL_GROUPS, channel_names, make_channels
from har.signals.filters import filter_recording
from har.signals.recordings import ACTIVITIES, UCI_HAR_ACTIVITIES
from har.signals.scaling import Scaling, fit_scaling

SIZE = 32
CLASSES = len(UCI_HAR_ACTIVITIES)
SHARED = Path()
"""A folder of this test run, for all its processes: an export takes seconds."""
GROUPS = tuple(CHANNEL_GROUPS)
POSTURES = 30.0
"""A temperature that makes them nearly as likely as each other."""
MEASURED = ("body_acc", "gyro", "total_acc")


def movement(times: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Acceleration and angular rate of a body that rests, walks and turns over by turns."""
    phase = (times[:, None] - times[0]) * [11.0, 22.0, 5.5] + [0, 1, 2]
    posture = np.floor((times - times[0]) / 4)[:, None]
    up = np.stack([np.cos(posture[:, 0]), np.sin(posture[:, 0]), 0.3 * np.cos(posture[:, 0])], 1)
    strength = 0.4 * (posture % 3) / 2
    noise = rng.normal(0, 0.01, (2, len(times), 3))
    return up + strength * np.sin(phase) + noise[0], 2 * strength * np.cos(phase) + noise[1]


@cache
def made_windows(
    groups: Sequence[str] = GROUPS, size: int = SIZE, people: int = 4
) -> tuple[Windows, Scaling]:
    """Scaled windows of `movement`, and what they went through."""
    times = np.arange(4000) / 50
    signals = filter_recording(*movement(times, np.random.default_rng(0)))[100:]
    starts = np.arange(0, len(signals) - size, size // 2)
    windows = make_channels(signals[starts[:, None] + np.arange(size)].astype(np.float32), groups)
    scaling = fit_scaling(windows, "standard")
    count = len(windows)
    return Windows(
        signals=scaling.apply(windows),
        label=np.arange(count) // 9 % CLASSES,
        subject=np.arange(count) * people // count,
        bout=np.arange(count) // 9,
        start=starts,
        split=np.full(count, "train"),
        channels=np.array(channel_names(groups)),
        overlap=0.5,
        dataset=np.full(count, "made_up"),
        placement=np.full(count, "waist"),
        device=np.full(count, "made up"),
        activities=np.array(UCI_HAR_ACTIVITIES),
        dataset_digest="0" * 64,
    ), scaling


def untrained(name: str, channels: int, classes: int = CLASSES, **settings: object) -> Classifier:
    """A network whose logits differ from window to window as a trained one's do."""
    torch.manual_seed(1)
    usual = {"hidden_size": 12, "num_layers": 1, "bidirectional": True}
    own = {
        "conv_recurrent": {
            "filters": 8,
            "kernels": [5, 7],
            "pooling": [2, 2],
            "companding": [0.03, 0.01],
            "shortcut": True,
        },
        "recurrent": {"head_size": 16},
    }
    network = build(checked(NETWORKS[name], **usual | own[name] | settings), channels, classes)
    last = network.head if isinstance(network.head, torch.nn.Linear) else network.head[-1]
    with torch.no_grad():
        last.weight *= 40
    return network.eval()


@cache
def trained(
    groups: Sequence[str] = GROUPS, size: int = SIZE, num_layers: int = 1
) -> tuple[Classifier, TrainingRecord, Windows]:
    """A network, the record of its training as if there had been one, and the windows for it."""
    windows, scaling = made_windows(groups, size)
    network = untrained("conv_recurrent", len(windows.channels), num_layers=num_layers)
    with torch.no_grad():  # none of the activities is to win everywhere
        network.head.bias -= network(torch.from_numpy(windows.signals)).mean(dim=0)
    return network, record_of(network, windows, scaling, Params(), kept_epoch=4), windows


@cache
def made_bundle(
    groups: Sequence[str] = GROUPS,
    size: int = SIZE,
    temperature: float = 0.7,
    num_layers: int = 1,
    limit: float | None = None,
) -> Bundle:
    """A bundle of `trained`; by default of all channel groups and with a recurrent layer.

    Args:
        groups: Of channels.
        size: Samples a window.
        temperature: As for `package`.
        num_layers: Recurrent layers; without any the export takes less time.
        limit: Of novelty, about a summary of zeros, instead of what is fitted.
    """
    name = repr((groups, size, temperature, num_layers, limit))
    return _shared(name, lambda: _packaged(trained(groups, size, num_layers), temperature, limit))


def _shared(name: str, make: Callable[[], Bundle]) -> Bundle:
    folder = SHARED / hashlib.sha256(name.encode()).hexdigest()[:16]
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            save(folder, make())
        return load(folder)


def _packaged(
    made: tuple[Classifier, TrainingRecord, Windows],
    temperature: float,
    limit: float | None,
    posture_temperature: float = 1.0,
) -> Bundle:
    network, record, windows = made
    if limit is None:
        return package(network, record, windows, temperature, posture_temperature)
    parts = summarize_for(network, torch.from_numpy(windows.signals[:1]), record.channels).shape[1]
    fixed = novelty.Novelty(np.ones(parts), np.zeros((1, parts)), limit)
    with mock.patch("har.model.novelty.fit", return_value=fixed):
        return package(network, record, windows, temperature, posture_temperature)


def simple_bundle(limit: float | None = 1e6) -> Bundle:
    """One of the nine measured channels and the usual windows, that knows everything."""
    return made_bundle(MEASURED, 128, num_layers=0, limit=limit)


@cache
def framed_bundle(gyroscope: bool = True, limit: float | None = 1e6) -> Bundle:
    """One that turns windows by gravity: any mounting, seven activities, the usual windows.

    It does not tell the postures apart well, so that it often answers `SOME_POSTURE`.

    Args:
        gyroscope: Whether it sees angular rate too.
        limit: As for `made_bundle`.
    """
    return _shared(
        repr(("framed", gyroscope, limit)),
        lambda: _packaged(_framed(gyroscope), 0.7, limit, POSTURES),
    )


def _framed(gyroscope: bool) -> tuple[Classifier, TrainingRecord, Windows]:
    windows, scaling = made_windows(("total_acc", "gyro") if gyroscope else ("total_acc",), 128)
    count = len(windows)
    windows = replace(
        windows,
        signals=windows.signals * scaling.scale + scaling.offset,
        label=np.arange(count) // 9 % len(ACTIVITIES),
        placement=np.where(np.arange(count) % 2, "right_arm", "waist"),
        activities=np.array(ACTIVITIES),
    )
    channels = len(windows.channels)
    network = untrained(
        "conv_recurrent",
        channels,
        len(ACTIVITIES),
        num_layers=0,
        frames=["measured", "upright", "lengths"],
    )
    with torch.no_grad():
        network.head.bias -= network(torch.from_numpy(windows.signals)).mean(dim=0)
    nothing = fit_scaling(windows.signals, "none")
    return network, record_of(network, windows, nothing, Params(), kept_epoch=4), windows
