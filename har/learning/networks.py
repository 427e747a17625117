"""The recurrent classifiers, and their probabilities for windows."""

from collections.abc import Sequence
from inspect import signature
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from har.errors import HarError
from har.params import Model, checked

RECURRENT = {"lstm": nn.LSTM, "gru": nn.GRU}


class RecurrentClassifier(nn.Module):
    """LSTM or GRU layers over a window, then a small head on what they know at its end.

    With its usual sizes this is the network that the project starts from: LSTM 64, dropout, LSTM
    64, dropout, linear 128, ReLU, dropout, linear 6; 60,806 parameters with six channels. LSTM:
    Hochreiter and Schmidhuber 1997; GRU: Cho et al. 2014.

    Args:
        input_size: Channels.
        num_classes: Activities.
        cell: `"lstm"` or `"gru"`.
        hidden_size: Units per layer and direction.
        num_layers: Recurrent layers.
        bidirectional: Read the window in both directions.
        head_size: Units of the linear layer after the recurrent ones.
        dropout: Share of activations dropped in training, after each recurrent layer and in
            the head.
    """

    def __init__(
        self,
        input_size: int,
        num_classes: int,
        cell: str,
        hidden_size: int,
        num_layers: int,
        bidirectional: bool,
        head_size: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.settings: dict[str, Any] = {
            "input_size": input_size,
            "num_classes": num_classes,
            "cell": cell,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "bidirectional": bidirectional,
            "head_size": head_size,
            "dropout": dropout,
        }
        self.bidirectional = bidirectional
        width = hidden_size * (2 if bidirectional else 1)
        self.layers = _recurrent_layers(cell, input_size, hidden_size, num_layers, bidirectional)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Sequential(
            nn.Linear(width, head_size),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(head_size, num_classes),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (batch, num_classes) of scaled windows (batch, size, input_size)."""
        sequence = windows
        for index, layer in enumerate(self.layers):
            if index:
                sequence = self.dropout(sequence)
            sequence, _ = layer(sequence)
        if self.bidirectional:
            # Each direction's state after the whole window: the last step forward, the first
            # backward.
            forward, backward = (
                sequence[:, -1].chunk(2, dim=1)[0],
                sequence[:, 0].chunk(2, dim=1)[1],
            )
            last = torch.cat([forward, backward], dim=1)
        else:
            last = sequence[:, -1]
        return self.head(self.dropout(last))


class LSTMModel(RecurrentClassifier):
    """`RecurrentClassifier` in its usual sizes, for use from Python.

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
            Model,
            name="recurrent",
            cell=cell,
            bidirectional=bidirectional,
            hidden_size=hidden_size,
            num_layers=num_layers,
            head_size=head_size,
            dropout=dropout,
        )
        super().__init__(input_size, num_classes, **settings_of(settings))


class GRUModel(LSTMModel):
    """`LSTMModel` of GRU layers; takes the same."""

    def __init__(
        self,
        input_size: int = 6,
        hidden_size: int = 64,
        num_layers: int = 2,
        num_classes: int = 6,
        dropout: float = 0.3,
        *,
        bidirectional: bool = False,
        cell: str = "gru",
        head_size: int = 128,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            num_classes,
            dropout,
            bidirectional=bidirectional,
            cell=cell,
            head_size=head_size,
        )


class ConvRecurrentClassifier(nn.Module):
    """Convolutions shorten the window, recurrent layers read it, attention and maximum sum it up.

    Convolutions before LSTM layers: DeepConvLSTM (Ordóñez and Roggen 2016). Attention over the
    steps of a bidirectional LSTM: Zhou et al. 2016, https://doi.org/10.18653/v1/P16-2034.

    What is its own is the input. Beside each channel the network sees the same channel companded,
    asinh((x - mean over the window) / level), for each level of `companding`: nearly linear for
    movements below the level, logarithmic above. Sitting and standing differ by a sway a hundred
    times smaller than a step, of which the plain channel leaves next to nothing.

    Args:
        input_size: Channels, scaled to a standard deviation near 1.
        num_classes: Activities.
        cell: `"lstm"` or `"gru"`.
        hidden_size: Units per layer and direction.
        num_layers: Recurrent layers; from the second on each adds to what it is given. None (0)
            leaves attention and maximum over what the convolutions found: what are they worth?
        bidirectional: Read the window in both directions.
        filters: Of each convolution.
        kernels: Lengths of the first convolution's filters, odd, in samples: as many filters of
            each length as of the others, so that quick and slow movements are seen side by side.
        pooling: After each of the two convolutions, of how many steps the maximum is kept.
        companding: Levels, in scaled units, each for a companded form of every channel; none
            leaves the plain channels alone.
        shortcut: Show the last layer what the convolutions found too, mean and maximum over the
            steps, past the recurrent layers.
        dropout: Share of activations dropped in training.
    """

    def __init__(
        self,
        input_size: int,
        num_classes: int,
        cell: str,
        hidden_size: int,
        num_layers: int,
        bidirectional: bool,
        filters: int,
        kernels: Sequence[int],
        pooling: Sequence[int],
        companding: Sequence[float],
        shortcut: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.settings: dict[str, Any] = {
            "input_size": input_size,
            "num_classes": num_classes,
            "cell": cell,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "bidirectional": bidirectional,
            "filters": filters,
            "kernels": list(kernels),
            "pooling": list(pooling),
            "companding": list(companding),
            "shortcut": shortcut,
            "dropout": dropout,
        }
        self.companding, self.shortcut = tuple(companding), shortcut
        first, second = pooling
        channels = input_size * (1 + len(companding))
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
            nn.MaxPool1d(first),
            nn.Conv1d(filters, filters, 5, padding=2),
            nn.BatchNorm1d(filters),
            nn.ReLU(),
            nn.MaxPool1d(second),
        )
        width = hidden_size * (2 if bidirectional else 1) if num_layers else filters
        self.layers = _recurrent_layers(cell, filters, hidden_size, num_layers, bidirectional)
        self.dropout = nn.Dropout(dropout)
        self.attention = nn.Linear(width, 1)
        self.head = nn.Linear(2 * width + (2 * filters if shortcut else 0), num_classes)

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (batch, num_classes) of scaled windows (batch, size, input_size)."""
        signals = windows.transpose(1, 2)
        if self.companding:
            centred = signals - signals.mean(dim=2, keepdim=True)
            companded = (torch.asinh(centred / level) for level in self.companding)
            signals = torch.cat([signals, *companded], dim=1)
        signals = self.input_norm(signals)
        scales = torch.cat([convolution(signals) for convolution in self.scales], dim=1)
        found = sequence = self.convolutions(scales).transpose(1, 2)
        for index, layer in enumerate(self.layers):
            output, _ = layer(self.dropout(sequence))
            sequence = sequence + output if index else output
        weights = self.attention(sequence).softmax(dim=1)
        summary = [(weights * sequence).sum(dim=1), sequence.amax(dim=1)]
        if self.shortcut:
            summary += [found.mean(dim=1), found.amax(dim=1)]
        return self.head(self.dropout(torch.cat(summary, dim=1)))


def _recurrent_layers(
    cell: str, input_size: int, hidden_size: int, num_layers: int, bidirectional: bool
) -> nn.ModuleList:
    """Layers of their own, for dropout between: that inside nn.LSTM is not deterministic on a GPU.

    Each takes what the one before gives, `hidden_size` for each direction.
    """
    width = hidden_size * (2 if bidirectional else 1)
    return nn.ModuleList(
        RECURRENT[cell](
            input_size if layer == 0 else width,
            hidden_size,
            batch_first=True,
            bidirectional=bidirectional,
        )
        for layer in range(num_layers)
    )


Classifier = RecurrentClassifier | ConvRecurrentClassifier

CLASSIFIERS: dict[str, type[Classifier]] = {
    "recurrent": RecurrentClassifier,
    "conv_recurrent": ConvRecurrentClassifier,
}
"""The networks that `model.name` may name."""


def build(settings: Model, input_size: int, num_classes: int) -> Classifier:
    """The network of these settings, with fresh weights.

    Args:
        settings: `settings.name` says which; the others are its arguments, as far as it has them.
        input_size: Channels.
        num_classes: Activities.
    """
    return CLASSIFIERS[settings.name](
        input_size=input_size, num_classes=num_classes, **settings_of(settings)
    )


def settings_of(settings: Model) -> dict[str, Any]:
    """The settings that the network of this name takes; the others are another network's."""
    return settings.model_dump(include=set(signature(CLASSIFIERS[settings.name]).parameters))


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
    batches = torch.from_numpy(signals).split(batch_size)
    logits = [model(batch.to(device)).double().cpu() for batch in batches]
    return torch.cat(logits).softmax(dim=1).numpy()
