"""A trained model as one folder: all that predicting needs, and nothing that runs on loading.

`model.onnx` is everything that is a pure function of a window (`har.model.deployed`);
`bundle.json` is what surrounds it: what its input means, smoothing over time, and what it was
trained on. A seal over both tells of any change; it says nothing about who made them.
"""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json

from har.data.windows import step_of
from har.errors import HarError, reason_of
from har.files import replacing_files
from har.learning.weights import Digest, TrainingRecord
from har.model.postures import PARTS, STEPS
from har.model.runtime import INPUT, OUTPUTS, session
from har.params import Model
from har.signals.blocks import let_go
from har.signals.channels import CHANNEL_GROUPS, channel_units, groups_of
from har.signals.recordings import ACTIVITIES, BASE_CHANNELS, SAMPLING_RATE, STILL

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL, DESCRIPTION = "model.onnx", "bundle.json"

RELEASED = Path(__file__).parent.parent / "released"
"""Folder of the model that comes with the package."""

BATCH = 256
"""Windows in one run of the model."""

PROBLEMS = 4
"""What `problem` can say (`har.model.deployed`)."""

SEAL = "seal"
"""Key of the seal in `bundle.json`: the digest of all else there, that of the model included."""

MAX_DESCRIPTION, MAX_MODEL = 1 << 20, 1 << 28
"""Bytes of the two files, at most; the released model has 4 KB and 464 KB."""

Duration = Annotated[float, Field(gt=0, le=1e9)]
Share = Annotated[float, Field(ge=0, le=1)]


def sees_upright(network: Model) -> bool:
    """Whether a network sees a frame of reference that gravity decides: it needs no mounting.

    Args:
        network: Its settings.
    """
    return "upright" in getattr(network, "frames", [])


class Smoothing(BaseModel):
    """What smoothing over time needs (`har.model.hmm`).

    Attributes:
        durations: How long each activity lasts on average, s.
        priors: Share of each activity among the training windows.
        together: Indices of the activities that are smoothed as one: the postures, where nobody
            knows how the phone is worn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    durations: list[Duration]
    priors: list[Share]
    together: list[int]

    @model_validator(mode="after")
    def _in_range(self) -> "Smoothing":
        together = self.together
        if abs(sum(self.priors) - 1) > 1e-6:
            raise ValueError("priors: expected shares that add up to 1")
        if together and not 0 <= min(together) <= max(together) < len(self.priors):
            raise ValueError("together: expected indices of activities")
        if len(set(together)) < len(together):
            raise ValueError("together: one is named twice")
        if together and not sum(self.priors[index] for index in together):
            raise ValueError("priors: expected a share for those that are smoothed as one")
        return self


class Description(BaseModel):
    """What `bundle.json` says.

    Attributes:
        format: Version of this layout.
        signals: The columns of the model's input, in order.
        units: Their units.
        sampling_rate: Samples a second.
        window_size: Samples a window.
        step: Samples from one window's start to the next's, in training.
        activities: Name of each class.
        temperature: Logits were divided by it (`har.model.calibration`).
        smoothing: See `Smoothing`.
        angles: Of postures, by part of the body that carries the phone
            (`har.model.postures.learn_angles`); empty if the model needs to know the mounting.
        training: What the network was trained on, and how.
        weights_sha256: Of the weights' file that the model was made from, `""` if there was none.
        model_sha256: Of `model.onnx`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format: Literal[6] = 6
    signals: list[str]
    units: list[str]
    sampling_rate: float
    window_size: int
    step: int
    activities: list[str]
    temperature: float = Field(ge=0.05, le=20)
    smoothing: Smoothing
    angles: dict[str, dict[str, list[Annotated[float, Field(gt=0)]]]]
    training: TrainingRecord
    weights_sha256: Digest
    model_sha256: Digest

    @model_validator(mode="after")
    def _parts_fit_each_other(self) -> "Description":
        activities, training = len(self.activities), self.training
        for name, found, expected in [
            ("signals", self.signals, list(BASE_CHANNELS)),
            ("units", self.units, [channel_units()[name] for name in BASE_CHANNELS]),
            ("sampling_rate", self.sampling_rate, SAMPLING_RATE),
            ("smoothing.durations", len(self.smoothing.durations), activities),
            ("smoothing.priors", len(self.smoothing.priors), activities),
            ("activities", self.activities, training.activities),
            ("window_size", self.window_size, training.window_size),
            ("step", self.step, step_of(training.window_size, training.window_overlap)),
        ]:
            if found != expected:
                raise ValueError(f"{name}: expected {expected}, got {found}")
        for part, postures in self.angles.items():
            if part not in PARTS.values() or not set(self.postures) <= set(postures):
                raise ValueError(f"angles: {part} is no part of the body, or lacks a posture")
            if any(len(shares) != STEPS for shares in postures.values()):
                raise ValueError(f"angles.{part}: expected {STEPS} numbers a posture")
        if len(set(self.activities)) < activities:
            raise ValueError("activities: one is named twice")
        if unknown := set(self.activities) - set(ACTIVITIES):
            raise ValueError(f"activities: {min(unknown):.40} is none of {', '.join(ACTIVITIES)}")
        return self

    @property
    def postures(self) -> list[str]:
        """The activities that are postures."""
        return [name for name in self.activities if name in STILL]

    @property
    def placements(self) -> list[str]:
        """Placements that help to tell the postures apart."""
        return [name for name, part in PARTS.items() if part in self.angles]

    @property
    def needs_gyroscope(self) -> bool:
        """Whether any channel is of the gyroscope; acceleration is always needed."""
        groups = groups_of(self.training.channels)
        return any(CHANNEL_GROUPS[group].sensor == "gyroscope" for group in groups)

    @property
    def needs_mounting(self) -> bool:
        """Whether how the phone is worn at the waist must be told, and nowhere else will do.

        A network that turns its windows by gravity (`har.learning.frames`) needs no mounting.
        """
        return not sees_upright(self.training.network)

    @property
    def trained_on(self) -> str:
        """Where phones were worn in training, in words, such as `left arm, waist`."""
        return ", ".join(name.replace("_", " ") for name in self.training.placements)


@dataclass(frozen=True)
class Outputs:
    """What the model says of windows, each for itself.

    Attributes:
        probabilities: float64 (windows, activities).
        novelty: (windows,), above 1 for windows unlike the training's.
        features: (windows, features), the window as a point that says what kind of movement it is
            (`har.model.embedding`), and its mean acceleration in g, the last three.
        problem: int (windows,), of `har.model.deployed`: 0 for plausible readings.
        reading: (windows,), the measure that the problem is about, in g or rad/s.
    """

    probabilities: np.ndarray
    novelty: np.ndarray
    features: np.ndarray
    problem: np.ndarray
    reading: np.ndarray


@dataclass(frozen=True)
class Bundle:
    """A trained model, ready to predict; PyTorch is not needed.

    Attributes:
        description: What `bundle.json` says.
        model: The content of `model.onnx`.
    """

    description: Description
    model: bytes

    @cached_property
    def _session(self) -> "InferenceSession":
        try:
            return session(self.model)
        except ValueError as error:
            raise ValueError(f"{MODEL}: {error}") from None

    def predict(self, signals: np.ndarray, threads: int = 1) -> Outputs:
        """Judge windows, each for itself.

        Args:
            signals: float32 (windows, size, 9) in g and rad/s: `description.window_size` samples
                of `description.signals` at `description.sampling_rate`.
            threads: CPU threads to share the windows; the results are the same for any number.

        Raises:
            HarError: The model answers with numbers that are none, as it does where the signals are
                far beyond what a phone measures.
        """
        # One run at least, so that no windows have outputs of the right shape.
        parts = [signals[at : at + BATCH] for at in range(0, max(len(signals), 1), BATCH)]
        session = self._session

        def run(part: np.ndarray) -> list[np.ndarray]:
            found: list[np.ndarray] = session.run(list(OUTPUTS), {INPUT: part})
            shape = len(part), len(self.description.activities)
            if found[0].shape != shape or any(len(each) != shape[0] for each in found):
                raise HarError(f"{MODEL} does not give what {DESCRIPTION} describes")
            let_go(signals)
            return found

        if threads == 1:
            found = [run(part) for part in parts]
        else:
            with ThreadPoolExecutor(threads) as pool:
                found = list(pool.map(run, parts))
        outputs = Outputs(*(np.concatenate(each) for each in zip(*found, strict=True)))
        _refuse_nonsense(outputs)
        exact = outputs.probabilities.astype(np.float64)
        return replace(outputs, probabilities=exact / exact.sum(axis=1, keepdims=True))


def _refuse_nonsense(outputs: Outputs) -> None:
    probabilities, numbers = outputs.probabilities, [outputs.novelty, outputs.reading]
    sound = np.isfinite(numbers).all(axis=0) & np.isfinite(outputs.features).all(axis=1)
    # A NaN is in no range.
    sound &= (probabilities >= 0).all(axis=1) & (abs(probabilities.sum(axis=1) - 1) < 1e-3)
    sound &= (outputs.problem >= 0) & (outputs.problem < PROBLEMS)
    if not sound.all():
        raise HarError(
            f"the model has no sound answer to window {int(np.argmin(sound))} (from 0): its "
            "signals are beyond what a phone measures, or the model is damaged"
        )


def predict_windows(bundle: Bundle, signals: np.ndarray) -> np.ndarray:
    """Probability of each activity for windows, each for itself.

    Args:
        bundle: A trained model, from `load_bundle`.
        signals: (windows, size, 9) in g and rad/s, not scaled: `description.window_size` samples
            of the nine signals that `description.signals` names.

    Returns:
        float64 (windows, activities); `bundle.description.activities` names the columns.

    Raises:
        HarError: `signals` has another shape, or holds numbers that are not finite.
    """
    description = bundle.description
    expected = (description.window_size, len(description.signals))
    try:
        array = np.asarray(signals, np.float32)
    except (TypeError, ValueError):
        raise HarError(f"signals: expected numbers, got {type(signals).__name__}") from None
    if array.ndim != 3 or array.shape[1:] != expected or not len(array):
        raise HarError(
            f"signals: expected at least one window of {expected[0]} samples of {expected[1]} "
            f"signals, got the shape {array.shape}"
        )
    if not np.isfinite(array).all():
        bad = int(np.flatnonzero(~np.isfinite(array).all(axis=(1, 2)))[0])
        raise HarError(f"signals: expected finite numbers, window {bad} (from 0) holds others")
    return bundle.predict(array).probabilities


def save(folder: Path, bundle: Bundle) -> None:
    """Write a bundle to a folder, beside what else is there: the same bytes every time.

    Broken off between its two files it leaves a mixture, which `load` tells by the model's digest.
    """
    content = bundle.description.model_dump(mode="json")
    content[SEAL] = _seal(bundle.description)
    with replacing_files(folder / DESCRIPTION, folder / MODEL) as (description, model):
        model.write_bytes(bundle.model)
        description.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _seal(description: Description) -> str:
    return hashlib.sha256(description.model_dump_json().encode()).hexdigest()


def describe(folder: str | Path) -> Description:
    """Read a bundle's description alone.

    Raises:
        HarError: It is not there, or damaged.
    """
    folder = Path(folder)
    with _problems_in_words(folder):
        content: Any = from_json(_read(folder / DESCRIPTION, MAX_DESCRIPTION), allow_inf_nan=False)
        seal = content.pop(SEAL, "") if isinstance(content, dict) else ""
        description = Description.model_validate(content)
        if seal != _seal(description):
            raise ValueError(f"{DESCRIPTION} has been changed: its seal is broken")
        return description


def load(folder: str | Path = RELEASED) -> Bundle:
    """Read a bundle.

    Args:
        folder: Where `save` wrote it, such as the pipeline's `models`; by default the model that
            comes with the package.

    Raises:
        HarError: It is not there, or damaged.
    """
    folder = Path(folder)
    description = describe(folder)
    with _problems_in_words(folder):
        model = _read(folder / MODEL, MAX_MODEL)
        if hashlib.sha256(model).hexdigest() != description.model_sha256:
            raise ValueError(f"{MODEL} is not the file that {DESCRIPTION} describes")
        bundle = Bundle(description, model)
        _check_fits(bundle)
    return bundle


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path.name} has more than {most:,} bytes")
    return content


def _check_fits(bundle: Bundle) -> None:
    """Raise ValueError unless the model takes and gives what the description says."""
    description = bundle.description
    session = bundle._session
    shape = [description.window_size, len(description.signals)]
    if [(each.name, each.shape[1:]) for each in session.get_inputs()] != [(INPUT, shape)]:
        raise ValueError(f"{MODEL} does not take windows of {shape[0]} samples")
    given = {each.name: each.shape[1:] for each in session.get_outputs()}
    if list(given) != list(OUTPUTS) or given[OUTPUTS[0]] != [len(description.activities)]:
        raise ValueError(f"{MODEL} does not give what {DESCRIPTION} describes")


@contextmanager
def _problems_in_words(folder: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise HarError(
            f"{error.filename or folder}: no trained model there; name the folder of one"
        ) from None
    except (ValidationError, ValueError, OSError) as error:
        if isinstance(error, ValidationError) and any(
            each["loc"] == ("format",) for each in error.errors()
        ):
            raise HarError(
                f"{folder} was written by another version: train and package anew"
            ) from None
        raise HarError(f"{folder} is damaged ({reason_of(error)})") from None


def digest(folder: Path) -> str:
    """SHA-256 of a bundle's description, which names the model's: the model's identity."""
    return hashlib.sha256((folder / DESCRIPTION).read_bytes()).hexdigest()
