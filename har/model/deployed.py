"""Everything that is a pure function of a window, as one module: what predicts everywhere.

Python, the live server and the browser run this module's export (`har.model.export`), so that they
cannot differ.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from har.learning.networks import Classifier
from har.model.bundle import sees_upright
from har.model.embedding import Embedding
from har.model.novelty import Novelty, distances, summarize, summarize_upright
from har.signals.channels import BODY_GYRO, TOTAL_ACC, channel_names, make_channels
from har.signals.recordings import STILL
from har.signals.scaling import Scaling

GRAVITY_RANGE = (0.3, 4.0)
"""Length of the acceleration, in g, that the median of a window of anything worn lies in."""

MAX_TURNING = 12.0
"""Root mean square of the angular rate, in rad/s, that nobody keeps up for a window."""

PLAUSIBLE, TOO_WEAK, TOO_STRONG, TOO_QUICK = range(4)
"""What `problem` says: nothing wrong, acceleration below or above `GRAVITY_RANGE`, turning above
`MAX_TURNING`."""

SMALLEST = 1e-30
"""Probabilities count as no less where their logarithm is taken."""


class DeployedModel(nn.Module):
    """A trained network with all that surrounds it within a window.

    Channels are picked and derived from the nine measured signals and scaled, the network's logits
    become probabilities at a temperature, the window is compared with those of the training, and
    its readings with what a worn phone can measure.

    Args:
        network: From scaled windows (batch, size, channels) to features, and from these to logits.
        activities: Name of each class.
        groups: Keys of `CHANNEL_GROUPS` that make its channels.
        scaling: What its input goes through.
        temperature: Logits are divided by it.
        posture_temperature: And by this, to tell the postures from each other.
        novelty: What training windows are like.
        embedding: Makes points of the network's features.
    """

    offset: Tensor
    scale: Tensor
    novelty_scale: Tensor
    novelty_centres: Tensor
    novelty_limit: Tensor
    embedding_offset: Tensor
    embedding_directions: Tensor

    def __init__(
        self,
        network: Classifier,
        activities: Sequence[str],
        groups: Sequence[str],
        scaling: Scaling,
        temperature: float,
        posture_temperature: float,
        novelty: Novelty,
        embedding: Embedding,
    ) -> None:
        super().__init__()
        self.network = network
        self.postures = [index for index, name in enumerate(activities) if name in STILL]
        self.groups, self.channels = tuple(groups), channel_names(groups)
        self.temperature, self.posture_temperature = temperature, posture_temperature
        for name, value in {
            "offset": scaling.offset,
            "scale": scaling.scale,
            "novelty_scale": novelty.scale,
            "novelty_centres": novelty.centres,
            "novelty_limit": novelty.limit,
            "embedding_offset": embedding.offset,
            "embedding_directions": embedding.directions,
        }.items():
            self.register_buffer(name, torch.tensor(np.asarray(value, np.float32)))

    def forward(self, signals: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Judge each window for itself.

        Args:
            signals: float32 (batch, size, 9), the `BASE_CHANNELS` in g and rad/s.

        Returns:
            `probabilities` (batch, activities); `novelty` (batch,), above 1 for windows unlike the
            training's; `features` (batch, features), the window as a point that says what kind of
            movement it is (`har.model.embedding`), and its mean acceleration in g, the last three;
            `problem`, int64 (batch,): `PLAUSIBLE`, or why no worn phone makes these readings; and
            `reading` (batch,), the measure that the problem is about: median length of the
            acceleration in g, or root mean square of the angular rate in rad/s.
        """
        scaled = (make_channels(signals, self.groups) - self.offset) / self.scale
        features = self.network.features(scaled)
        logits = self.network.classify(features)
        novelty = distances(
            summarize_for(self.network, scaled, self.channels),
            self.novelty_scale,
            self.novelty_centres,
            self.novelty_limit,
        )
        probabilities = (logits / self.temperature).softmax(dim=1)
        if self.posture_temperature != 1 and self.postures:
            probabilities = self._share_out_postures(probabilities)
        place = (features - self.embedding_offset) @ self.embedding_directions
        points = torch.cat([place, signals[..., TOTAL_ACC].mean(dim=1)], dim=1)
        return probabilities, novelty, points, *_plausibility(signals)

    def _share_out_postures(self, probabilities: Tensor) -> Tensor:
        """What the postures have together stays, and is shared out at a temperature of its own."""
        first, last = self.postures[0], self.postures[-1] + 1  # side by side in `ACTIVITIES`
        still = probabilities[:, first:last]
        shares = (still.clamp(min=SMALLEST).log() / self.posture_temperature).softmax(dim=1)
        shared = still.sum(dim=1, keepdim=True) * shares
        return torch.cat([probabilities[:, :first], shared, probabilities[:, last:]], dim=1)


def summarize_for(network: Classifier, scaled: Tensor, channels: Sequence[str]) -> Tensor:
    """The summary of windows that fits what a network sees of them (`har.model.novelty`).

    Args:
        network: One that sees frames of reference that gravity decides, or one that does not.
        scaled: Its input (windows, size, channels).
        channels: Their names.
    """
    if sees_upright(network.settings):
        return summarize_upright(scaled)
    return summarize(scaled, channels)


def _plausibility(signals: Tensor) -> tuple[Tensor, Tensor]:
    lengths = signals[..., TOTAL_ACC].square().sum(dim=2).sqrt().sort(dim=1).values
    size = lengths.shape[1]
    median = (lengths[:, (size - 1) // 2] + lengths[:, size // 2]) / 2
    turning = signals[..., BODY_GYRO].square().sum(dim=2).mean(dim=1).sqrt()
    least, most = GRAVITY_RANGE
    quick = torch.where(turning > MAX_TURNING, TOO_QUICK, PLAUSIBLE)
    problem = torch.where(median < least, TOO_WEAK, torch.where(median > most, TOO_STRONG, quick))
    return problem, torch.where(problem == TOO_QUICK, turning, median)
