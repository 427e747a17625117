"""What training leaves behind: one file of weights, with a record of what they were trained on."""

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import from_json

from har.data.windows import Windows
from har.errors import HarError, reason_of
from har.files import replacing_file
from har.params import Model, Params
from har.signals.channels import channel_units, groups_of
from har.signals.scaling import Scaling

if TYPE_CHECKING:  # PyTorch takes seconds to import, and a record needs none of it
    from har.learning.networks import Classifier

DECIDING = ("model", "train", "augmentation")
"""Sections of the settings that decide the weights."""

RECORD, SEAL = "training", "seal"
"""Keys of the record in the file's metadata, and in it of the digest of record and weights."""

Text = Annotated[str, Field(max_length=1000)]
Digest = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
Size = Annotated[float, Field(ge=-1e6, le=1e6)]


class TrainingRecord(BaseModel):
    """What a network was trained on, and how.

    Attributes:
        network: The network's settings; `har.learning.networks.build` makes it of them.
        activities: Name of each class.
        channels: Channels of the input, in order; see `har.signals.channels.CHANNEL_GROUPS`.
        window_size: Samples a window.
        window_overlap: Share of a window that the next one repeats.
        offset: Per channel, in its unit; the input is (signal - offset) / scale.
        scale: Per channel, in its unit.
        dataset: Name of the data set.
        dataset_digest: SHA-256 of that data set's content.
        train_subjects: Numbers of the training people.
        placements: Where they wore the sensors, as far as the data sets say.
        kept_epoch: Epochs of training behind the weights.
        settings: Settings of the network and its training, by dotted name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    network: Model
    activities: list[Text] = Field(min_length=1, max_length=100)
    channels: list[Text] = Field(min_length=1)
    window_size: int = Field(ge=1, le=4096)
    window_overlap: float = Field(ge=0, lt=1)
    offset: list[Size]
    scale: list[Annotated[Size, Field(gt=0)]]
    dataset: Text
    dataset_digest: Digest
    train_subjects: list[Annotated[int, Field(ge=0)]]
    placements: list[Text] = []
    kept_epoch: int = Field(ge=0)
    settings: dict[Text, Any]

    @model_validator(mode="after")
    def _lists_fit_each_other(self) -> "TrainingRecord":
        try:
            groups_of(self.channels)
        except HarError as error:
            raise ValueError(str(error)) from None
        for name in ("offset", "scale"):
            if (found := len(getattr(self, name))) != (expected := len(self.channels)):
                raise ValueError(f"{name}: expected {expected}, one a channel, got {found}")
        return self

    @property
    def scaling(self) -> Scaling:
        """The scaling that the network's input goes through."""
        return Scaling(np.array(self.offset, np.float32), np.array(self.scale, np.float32))

    @property
    def units(self) -> list[str]:
        """The unit of each channel."""
        return [channel_units()[name] for name in self.channels]

    def check_fits(self, scaled: Windows, scaling: Scaling) -> None:
        """Raise HarError unless a network was trained on just these windows, scaled and split so.

        Another split would score people as unseen who were seen; another scaling or length gives
        nonsense.
        """
        facts = {
            "data set": (self.dataset_digest, scaled.dataset_digest),
            "activities": (self.activities, scaled.activities.tolist()),
            "channels": (self.channels, scaled.channels.tolist()),
            "window size": (self.window_size, scaled.size),
            "window overlap": (self.window_overlap, scaled.overlap),
            "training subjects": (
                self.train_subjects,
                _numbers(scaled.subject[scaled.split == "train"]),
            ),
            "scaling": (
                [self.offset, self.scale],
                [scaling.offset.tolist(), scaling.scale.tolist()],
            ),
        }
        if other := [name for name, (trained, given) in facts.items() if trained != given]:
            raise HarError(
                f"the model was trained with another {', '.join(other)} than these windows have: "
                "train it again"
            )


def record_of(
    network: "Classifier", train: Windows, scaling: Scaling, params: Params, kept_epoch: int
) -> TrainingRecord:
    """The record of a network just trained.

    Args:
        network: The network.
        train: The scaled windows that it was trained on.
        scaling: What they went through.
        params: The settings.
        kept_epoch: Epochs of training behind the weights.
    """
    return TrainingRecord(
        network=network.settings,
        activities=train.activities.tolist(),
        channels=train.channels.tolist(),
        window_size=train.size,
        window_overlap=train.overlap,
        offset=scaling.offset.tolist(),
        scale=scaling.scale.tolist(),
        dataset=train.source,
        dataset_digest=train.dataset_digest,
        train_subjects=_numbers(train.subject),
        placements=sorted({*train.placement.tolist()} - {""}),
        kept_epoch=kept_epoch,
        settings={
            name: value
            for name, value in params.flat().items()
            if name.partition(".")[0] in DECIDING
        },
    )


def save(path: Path, network: "Classifier", record: TrainingRecord) -> None:
    """Write the weights and their record: the same bytes every time."""
    from safetensors.torch import save as to_bytes

    weights = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    sealed = record.model_dump(mode="json") | {SEAL: _seal(to_bytes(weights), record)}
    content = to_bytes(weights, metadata={RECORD: json.dumps(sealed)})
    with replacing_file(path) as partial:
        partial.write_bytes(content)


def load(path: Path) -> tuple["Classifier", TrainingRecord]:
    """Read what `save` wrote; nothing in the file runs on loading.

    Raises:
        HarError: The file is not there, or damaged.
    """
    import torch
    from safetensors.torch import load as from_bytes
    from safetensors.torch import save as to_bytes

    from har.learning.networks import build

    with _problems_in_words(path):
        content = path.read_bytes()
        sealed = from_json(_header(content)["__metadata__"][RECORD], allow_inf_nan=False)
        seal = sealed.pop(SEAL, "")
        record = TrainingRecord.model_validate(sealed)
        weights = from_bytes(content)
        if seal != _seal(to_bytes(weights), record):
            raise ValueError("it has been changed, or is of another version")
        shape = record.network, len(record.channels), len(record.activities)
        with torch.device("meta"):  # takes no memory, whatever sizes the record names
            expected = build(*shape).state_dict()
        if {name: value.shape for name, value in weights.items()} != {
            name: value.shape for name, value in expected.items()
        }:
            raise ValueError("the weights do not fit the record")
        network = build(*shape)
        network.load_state_dict(weights)
    return network, record


def count(path: Path) -> int:
    """Number of trained weights in what `save` wrote, as `har.learning.networks.count_parameters`.

    Raises:
        HarError: The file is not there, or damaged.
    """
    # Of batch normalization the file has what it has seen too, which is not trained.
    seen = ("running_mean", "running_var", "num_batches_tracked")
    with _problems_in_words(path):
        return sum(
            math.prod(tensor["shape"])
            for name, tensor in _header(path.read_bytes()).items()
            if name != "__metadata__" and not name.endswith(seen)
        )


@contextmanager
def _problems_in_words(path: Path) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except FileNotFoundError:
        raise HarError(f"{path}: no trained weights there") from None
    except (
        SafetensorError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RuntimeError,
    ) as error:
        raise HarError(f"{path} is damaged ({reason_of(error)})") from None


def _seal(weights: bytes, record: TrainingRecord) -> str:
    """The digest of weights, as a file without metadata, and of their record."""
    text = record.model_dump_json().encode()
    return hashlib.sha256(hashlib.sha256(weights).digest() + text).hexdigest()


def _header(content: bytes) -> dict[str, Any]:
    # Its length in eight bytes, then JSON: https://huggingface.co/docs/safetensors/index#format
    length = int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    return header


def _numbers(subject: np.ndarray) -> list[int]:
    numbers: list[int] = np.unique(subject).tolist()
    return numbers
