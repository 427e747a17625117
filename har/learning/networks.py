"""The recurrent classifiers, and their probabilities for windows."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from har.errors import HarError
from har.learning import frames
from har.params import ConvRecurrent, Model, Recurrent, checked
from har.signals.blocks import by_block

RECURRENT = {"lstm": nn.LSTM, "gru": nn.GRU}


class RecurrentClassifier(nn.Module):
    """LSTM or GRU layers over a window, then a small head on their state at its end.

    With LSTM layers of 64 units in one direction this is the network that the project started from:
    LSTM 64, dropout, LSTM 64, dropout, linear 128, ReLU, dropout, linear 6; 60,806 parameters with
    six channels. LSTM: Hochreiter and Schmidhuber 1997; GRU: Cho et al. 2014.

    Args:
        settings: Sizes and dropout, which follows each recurrent layer and the first linear one.
        input_size: Channels.
        num_classes: Activities.

    Attributes:
        feature_size: Length of what `features` gives.
    """

    def __init__(self, settings: Recurrent, input_size: int, num_classes: int) -> None:
        super().__init__()
        self.settings, self.input_size, self.num_classes = settings, input_size, num_classes
        self.feature_size = settings.head_size
        self.layers = _recurrent_layers(settings, input_size)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Sequential(
            nn.Linear(_width(settings), settings.head_size),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.head_size, num_classes),
        )

    def features(self, windows: Tensor) -> Tensor:
        """What the last linear layer takes, (batch, feature_size), of scaled windows."""
        sequence = windows
        for index, layer in enumerate(self.layers):
            if index:
                sequence = self.dropout(sequence)
            sequence, _ = layer(sequence)
        last = sequence[:, -1]
        if self.settings.bidirectional:
            # Each direction's state after the whole window: the last step forward, the first
            # backward.
            last = torch.cat([last.chunk(2, dim=1)[0], sequence[:, 0].chunk(2, dim=1)[1]], dim=1)
        linear, relu, _, _ = self.head
        features: Tensor = relu(linear(self.dropout(last)))
        return features

    def classify(self, features: Tensor) -> Tensor:
        """Logits (batch, num_classes) of features (batch, feature_size)."""
        _, _, dropout, linear = self.head
        logits: Tensor = linear(dropout(features))
        return logits

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (batch, num_classes) of scaled windows (batch, size, input_size)."""
        return self.classify(self.features(windows))


class LSTMModel(RecurrentClassifier):
    """`RecurrentClassifier` by single arguments, for use from Python.

    Args:
        input_size: Channels, at least 1.
        hidden_size: Units per layer and direction, 1 to 4096.
        num_layers: Recurrent layers, 1 to 16.
        num_classes: Activities, at least 1.
        dropout: Share of activations dropped in training, 0 to below 1.
        bidirectional: Read the window in both directions.
        cell: `"lstm"`, or `"gru"`: the same network of GRU layers.
        head_size: Units of the linear layer after the recurrent ones, 1 to 4096.

    Raises:
        HarError: A size is out of range; the message names it.

    Example:
        >>> count_parameters(LSTMModel())
        60806
    """

    def __init__(
        self,
        input_size: int = 6,
        hidden_size: int = 64,
        num_layers: int = 2,
        num_classes: int = 6,
        dropout: float = 0.3,
        *,
        bidirectional: bool = False,
        cell: str = "lstm",
        head_size: int = 128,
    ) -> None:
        for name, size in {"input_size": input_size, "num_classes": num_classes}.items():
            if not isinstance(size, int) or size < 1:
                raise HarError(f"{name}={size!r}: expected a whole number of at least 1")
        settings = checked(
            Recurrent,
            cell=cell,
            bidirectional=bidirectional,
            hidden_size=hidden_size,
            num_layers=num_layers,
            head_size=head_size,
            dropout=dropout,
        )
        super().__init__(settings, input_size, num_classes)


class GRUModel(LSTMModel):
    """`LSTMModel` of GRU layers; takes the same."""

    def __init__(self, *arguments: Any, cell: str = "gru", **more: Any) -> None:
        super().__init__(*arguments, cell=cell, **more)


class ConvRecurrentClassifier(nn.Module):
    """Convolutions shorten the window, recurrent layers read it, attention and maximum sum it up.

    Convolutions before LSTM layers: DeepConvLSTM (Ordóñez and Roggen 2016). Attention over the
    steps of a bidirectional LSTM: Zhou et al. 2016, https://doi.org/10.18653/v1/P16-2034.

    What is new is the input. Beside each channel the network sees the same channel companded,
    asinh((x - mean over the window) / level), for each level of `companding`: nearly linear for
    movements below the level, logarithmic above. Sitting and standing differ by a sway a hundred
    times smaller than a step, of which the plain channel leaves next to nothing. And the channels
    may come in several frames of reference (`har.learning.frames`), of which some are the same
    however the phone is worn.

    Args:
        settings: Sizes and parts. As many filters of each length of `kernels` as of the others see
            quick and slow movements side by side. From the second on, a recurrent layer adds to
            what it is given; without any, attention and maximum sum up what the convolutions found.
        input_size: Channels: scaled to a standard deviation near 1, or vectors in g and rad/s for
            frames.
        num_classes: Activities.

    Attributes:
        feature_size: Length of what `features` gives.
    """

    def __init__(self, settings: ConvRecurrent, input_size: int, num_classes: int) -> None:
        super().__init__()
        self.settings, self.input_size, self.num_classes = settings, input_size, num_classes
        filters, kernels = settings.filters, settings.kernels
        channels = frames.width(settings.frames, input_size) * (1 + len(settings.companding))
        self.input_norm = nn.BatchNorm1d(channels)
        shares = [
            filters // len(kernels) + (i < filters % len(kernels)) for i in range(len(kernels))
        ]
        self.scales = nn.ModuleList(
            nn.Conv1d(channels, share, kernel, padding=kernel // 2)
            for share, kernel in zip(shares, kernels, strict=True)
        )
        self.convolutions = nn.Sequential(
            nn.BatchNorm1d(filters),
            nn.ReLU(),
            nn.MaxPool1d(settings.pooling[0]),
            nn.Conv1d(filters, filters, 5, padding=2),
            nn.BatchNorm1d(filters),
            nn.ReLU(),
            nn.MaxPool1d(settings.pooling[1]),
        )
        width = _width(settings) if settings.num_layers else filters
        self.feature_size = 2 * width + (2 * filters if settings.shortcut else 0)
        self.layers = _recurrent_layers(settings, filters)
        self.dropout = nn.Dropout(settings.dropout)
        self.attention = nn.Linear(width, 1)
        self.head = nn.Linear(self.feature_size, num_classes)

    def features(self, windows: Tensor) -> Tensor:
        """What the last layer takes, (batch, feature_size), of scaled windows."""
        signals = frames.see(windows, self.settings.frames).transpose(1, 2)
        if self.settings.companding:
            centred = signals - signals.mean(dim=2, keepdim=True)
            companded = (torch.asinh(centred / level) for level in self.settings.companding)
            signals = torch.cat([signals, *companded], dim=1)
        signals = self.input_norm(signals)
        scales = torch.cat([convolution(signals) for convolution in self.scales], dim=1)
        found = sequence = self.convolutions(scales).transpose(1, 2)
        for index, layer in enumerate(self.layers):
            output, _ = layer(self.dropout(sequence))
            sequence = sequence + output if index else output
        weights = self.attention(sequence).softmax(dim=1)
        summary = [(weights * sequence).sum(dim=1), sequence.amax(dim=1)]
        if self.settings.shortcut:
            summary += [found.mean(dim=1), found.amax(dim=1)]
        return torch.cat(summary, dim=1)

    def classify(self, features: Tensor) -> Tensor:
        """Logits (batch, num_classes) of features (batch, feature_size)."""
        logits: Tensor = self.head(self.dropout(features))
        return logits

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (batch, num_classes) of scaled windows (batch, size, input_size)."""
        return self.classify(self.features(windows))


def _width(settings: Model) -> int:
    """What a recurrent layer gives at each step: `hidden_size` for each direction."""
    return settings.hidden_size * (2 if settings.bidirectional else 1)


def _recurrent_layers(settings: Model, input_size: int) -> nn.ModuleList:
    """Layers one by one, with room for dropout: nn.LSTM's own is not deterministic on a GPU."""
    return nn.ModuleList(
        RECURRENT[settings.cell](
            input_size if layer == 0 else _width(settings),
            settings.hidden_size,
            batch_first=True,
            bidirectional=settings.bidirectional,
        )
        for layer in range(settings.num_layers)
    )


Classifier = RecurrentClassifier | ConvRecurrentClassifier


def build(settings: Model, input_size: int, num_classes: int) -> Classifier:
    """The network of these settings, with fresh weights.

    Args:
        settings: `settings.name` says which.
        input_size: Channels.
        num_classes: Activities.
    """
    if isinstance(settings, Recurrent):
        return RecurrentClassifier(settings, input_size, num_classes)
    return ConvRecurrentClassifier(settings, input_size, num_classes)


def count_parameters(model: nn.Module) -> int:
    """Number of trained weights."""
    return sum(parameter.numel() for parameter in model.parameters())


def choose_device(setting: str) -> torch.device:
    """The device of `train.device`: `"auto"`, `"cpu"` or `"cuda"`.

    Raises:
        HarError: It is none of these, or CUDA is asked for and not there.
    """
    if setting not in ("auto", "cpu", "cuda"):
        raise HarError(f"device={setting!r}: expected auto, cpu or cuda")
    available = torch.cuda.is_available()
    if setting == "cuda" and not available:
        raise HarError("train.device=cuda: PyTorch finds no CUDA device here; choose auto or cpu")
    return torch.device("cuda" if available and setting != "cpu" else "cpu")


@torch.inference_mode()
def predict_probabilities(
    model: nn.Module, signals: np.ndarray, device: torch.device, batch_size: int = 1024
) -> np.ndarray:
    """Probability of each activity: (windows, classes), float64.

    Args:
        model: From (batch, size, channels) to logits (batch, classes).
        signals: Scaled windows, float32 (windows, size, channels), at least one.
        device: Where to compute.
        batch_size: Windows at a time.
    """
    # Both go through all layers, which for a single window takes as long as the network itself.
    if model.training or next(model.parameters()).device.type != device.type:
        model.to(device).eval()

    def probabilities(block: np.ndarray) -> np.ndarray:
        logits = model(torch.tensor(block, device=device)).double().cpu()
        found: np.ndarray = logits.softmax(dim=1).numpy()
        return found

    return by_block(signals, probabilities, batch_size)
