"""A trained model as one folder: all that predicting needs, and nothing that runs on loading."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from safetensors import SafetensorError

from har.data.windows import Windows
from har.errors import HarError
from har.files import replacing_file
from har.model import novelty
from har.model.hmm import learn_transitions
from har.model.novelty import Novelty
from har.params import Params
from har.signals.channels import channel_units, groups_of
from har.signals.recordings import ACTIVITIES, SAMPLING_RATE
from har.signals.scaling import Scaling

if TYPE_CHECKING:  # PyTorch takes seconds to import, and a description needs none of it
    from har.learning.networks import Classifier

WEIGHTS, DESCRIPTION = "weights.safetensors", "bundle.json"

DECIDING = ("model", "train", "augmentation")
"""Sections of the settings that decide what the model is."""


class Description(BaseModel):
    """What `bundle.json` says.

    Attributes:
        format: Version of this layout.
        model: Name of the network, a key of `har.learning.networks.CLASSIFIERS`.
        architecture: Its arguments.
        activities: Name of each class.
        channels: Channels of the input, in order; see `har.signals.channels.CHANNEL_GROUPS`.
        units: Their units.
        sampling_rate: Samples a second.
        window_size: Samples a window.
        window_overlap: Share of a window that the next one repeats.
        offset: Per channel, in its unit; the input is (signal - offset) / scale.
        scale: Per channel, in its unit.
        dataset: What it was trained on.
        dataset_digest: SHA-256 of that data set's content.
        train_subjects: Whom it was trained on.
        transitions: Probability of each activity a window later, from row to column; learnt on
            them (`har.model.hmm`).
        priors: Share of each activity among their windows.
        temperature: Logits are divided by it (`har.model.calibration`).
        novelty: What training windows are like (`har.model.novelty`).
        kept_epoch: Epochs of training behind the weights.
        settings: Settings of the network and its training, by dotted name.
        weights_sha256: Of the weights' file; `save` fills it in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[3] = 3
    model: str
    architecture: dict[str, Any]
    activities: list[str]
    channels: list[str]
    units: list[str]
    sampling_rate: float
    window_size: int
    window_overlap: float
    offset: list[float]
    scale: list[float]
    dataset: str
    dataset_digest: str
    train_subjects: list[int]
    transitions: list[list[float]]
    priors: list[float]
    temperature: float
    novelty: Novelty
    kept_epoch: int
    settings: dict[str, Any]
    weights_sha256: str = ""

    @model_validator(mode="after")
    def _lists_fit_each_other(self) -> "Description":
        try:
            groups_of(self.channels)
        except HarError as error:
            raise ValueError(str(error)) from None
        channels, activities = len(self.channels), len(self.activities)
        no_signals = np.zeros((1, 1, channels))
        parts = novelty.summarize(no_signals, self.channels).shape[1]
        for name, lengths, expected in [
            ("units", {len(self.units)}, channels),
            ("offset", {len(self.offset)}, channels),
            ("scale", {len(self.scale)}, channels),
            ("priors", {len(self.priors)}, activities),
            ("transitions", {len(self.transitions), *map(len, self.transitions)}, activities),
            ("novelty.scale", {len(self.novelty.scale)}, parts),
            ("novelty.centres", set(map(len, self.novelty.centres)), parts),
        ]:
            if lengths != {expected}:
                found = " and ".join(map(str, sorted(lengths))) or "none"
                raise ValueError(
                    f"{name}: expected {expected} for {channels} channels and {activities} "
                    f"activities, got {found}"
                )
        return self


@dataclass(frozen=True)
class Bundle:
    """A model with its description."""

    model: "Classifier"
    description: Description

    @property
    def scaling(self) -> Scaling:
        """The scaling that the model's input goes through."""
        return Scaling(
            np.array(self.description.offset, np.float32),
            np.array(self.description.scale, np.float32),
        )


def made_of(
    model: "Classifier", train: Windows, scaling: Scaling, params: Params, kept_epoch: int
) -> Bundle:
    """A model just trained, with all that is to be known of it.

    Args:
        model: The network.
        train: The scaled windows that it was trained on.
        scaling: What they went through.
        params: The settings.
        kept_epoch: Epochs of training behind the weights.
    """
    channels, classes = train.channels.tolist(), len(ACTIVITIES)
    return Bundle(
        model,
        Description(
            model=params.model.name,
            architecture=model.settings,
            activities=list(ACTIVITIES),
            channels=channels,
            units=[channel_units()[name] for name in channels],
            sampling_rate=SAMPLING_RATE,
            window_size=train.size,
            window_overlap=train.overlap,
            offset=scaling.offset.tolist(),
            scale=scaling.scale.tolist(),
            dataset=train.dataset,
            dataset_digest=train.dataset_digest,
            train_subjects=np.unique(train.subject).tolist(),
            transitions=learn_transitions(train.label, train.subject, classes).tolist(),
            priors=(np.bincount(train.label, minlength=classes) / len(train)).tolist(),
            temperature=params.calibration.temperature,
            novelty=novelty.fit(
                novelty.summarize(train.signals, channels), train.label, train.subject
            ),
            kept_epoch=kept_epoch,
            settings={
                name: value
                for name, value in params.flat().items()
                if name.partition(".")[0] in DECIDING
            },
        ),
    )


def save(folder: Path, bundle: Bundle) -> None:
    """Write a bundle to a folder, beside what else is there.

    Broken off between its two files it leaves a mixture, which `load` tells by the weights' digest.
    """
    from safetensors.torch import save as to_bytes

    weights = {name: value.cpu().contiguous() for name, value in bundle.model.state_dict().items()}
    content = to_bytes(weights)
    description = bundle.description.model_copy(
        update={"weights_sha256": hashlib.sha256(content).hexdigest()}
    )
    with (
        replacing_file(folder / DESCRIPTION) as about,
        replacing_file(folder / WEIGHTS) as weights_file,
    ):  # both are written before either takes its place
        weights_file.write_bytes(content)
        about.write_text(description.model_dump_json(indent=2) + "\n")


def describe(folder: Path) -> Description:
    """Read a bundle's description alone.

    Raises:
        HarError: It is not there, or damaged.
    """
    with _problems_in_words(folder):
        return Description.model_validate_json((folder / DESCRIPTION).read_bytes())


def load(folder: str | Path = "models") -> Bundle:
    """Read a bundle.

    Args:
        folder: Where `save` wrote it; the pipeline writes to `models`.

    Raises:
        HarError: It is not there, or damaged.
    """
    from safetensors.torch import load as from_bytes

    from har.learning.networks import CLASSIFIERS

    folder = Path(folder)
    description = describe(folder)
    with _problems_in_words(folder):
        content = (folder / WEIGHTS).read_bytes()
        if hashlib.sha256(content).hexdigest() != description.weights_sha256:
            raise RuntimeError(f"{WEIGHTS} is not the file that {DESCRIPTION} describes")
        model = CLASSIFIERS[description.model](**description.architecture)
        model.load_state_dict(from_bytes(content))
    return Bundle(model, description)


@contextmanager
def _problems_in_words(folder: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        missing = error.filename or folder
        raise HarError(f"{missing}: no trained model; run `dvc repro train`") from None
    except (ValidationError, SafetensorError, TypeError, KeyError, RuntimeError, OSError) as error:
        text = " ".join(str(error).split())
        raise HarError(f"{folder} is damaged ({text:.200}); run `dvc repro`") from None


def check_fits(description: Description, scaled: Windows, scaling: Scaling) -> None:
    """Raise HarError unless a model was trained on just these windows, scaled and split like this.

    Another split would score people as unseen who were seen; another scaling or length, nonsense.
    """
    train_subjects = np.unique(scaled.subject[scaled.split == "train"]).tolist()
    facts = {
        "data set": (description.dataset_digest, scaled.dataset_digest),
        "channels": (description.channels, scaled.channels.tolist()),
        "window size": (description.window_size, scaled.size),
        "window overlap": (description.window_overlap, scaled.overlap),
        "training subjects": (description.train_subjects, train_subjects),
        "scaling": (
            [description.offset, description.scale],
            [scaling.offset.tolist(), scaling.scale.tolist()],
        ),
    }
    if other := [name for name, (trained, given) in facts.items() if trained != given]:
        raise HarError(
            f"the model was trained with another {', '.join(other)} than data/normalized.npz has: "
            "run `dvc repro`"
        )


def digest(folder: Path) -> str:
    """SHA-256 of a bundle's content: the model's identity."""
    content = b"".join((folder / name).read_bytes() for name in (DESCRIPTION, WEIGHTS))
    return hashlib.sha256(content).hexdigest()
