"""A trained model as one folder: all that predicting needs, and nothing that runs on loading.

`model.onnx` is everything that is a pure function of a window (`har.model.deployed`);
`bundle.json` is what surrounds it: what its input means, smoothing over time, and what it was
trained on.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from har.data.windows import step_of
from har.errors import HarError
from har.files import replacing_file
from har.learning.weights import TrainingRecord
from har.params import Model
from har.signals.channels import CHANNEL_GROUPS, groups_of
from har.signals.recordings import BASE_CHANNELS, STILL

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL, DESCRIPTION = "model.onnx", "bundle.json"

INPUT = "signals"
OUTPUTS = ("probabilities", "novelty", "features", "problem", "reading")

RELEASED = Path(__file__).parent.parent / "released"
"""Folder of the model that comes with the package."""

BATCH = 256
"""Windows in one run of the model."""


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

    durations: list[float]
    priors: list[float]
    together: list[int]

    @model_validator(mode="after")
    def _in_range(self) -> "Smoothing":
        if min(self.durations, default=0) <= 0:
            raise ValueError("durations: expected positive numbers")
        if min(self.priors, default=-1) < 0 or abs(sum(self.priors) - 1) > 1e-6:
            raise ValueError("priors: expected shares that add up to 1")
        if self.together and not 0 <= min(self.together) <= max(self.together) < len(self.priors):
            raise ValueError("together: expected indices of activities")
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
        training: What the network was trained on, and how.
        weights_sha256: Of the weights' file that the model was made from, `""` if there was none.
        model_sha256: Of `model.onnx`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format: Literal[5] = 5
    signals: list[str]
    units: list[str]
    sampling_rate: float = Field(gt=0)
    window_size: int = Field(ge=1)
    step: int = Field(ge=1)
    activities: list[str] = Field(min_length=1)
    temperature: float = Field(gt=0)
    smoothing: Smoothing
    training: TrainingRecord
    weights_sha256: str
    model_sha256: str

    @model_validator(mode="after")
    def _parts_fit_each_other(self) -> "Description":
        activities, training = len(self.activities), self.training
        for name, found, expected in [
            ("signals", self.signals, list(BASE_CHANNELS)),
            ("units", len(self.units), len(self.signals)),
            ("smoothing.durations", len(self.smoothing.durations), activities),
            ("smoothing.priors", len(self.smoothing.priors), activities),
            ("activities", self.activities, training.activities),
            ("window_size", self.window_size, training.window_size),
            ("step", self.step, step_of(training.window_size, training.window_overlap)),
        ]:
            if found != expected:
                raise ValueError(f"{name}: expected {expected}, got {found}")
        if len(set(self.activities)) < activities:
            raise ValueError("activities: one is named twice")
        return self

    @property
    def postures(self) -> list[str]:
        """The activities that are postures."""
        return [name for name in self.activities if name in STILL]

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
        features: (windows, features), what the network's last layer is given.
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
        return session(self.model)

    def predict(self, signals: np.ndarray, threads: int = 1) -> Outputs:
        """Judge windows, each for itself.

        Args:
            signals: float32 (windows, size, 9) in g and rad/s: `description.window_size` samples
                of `description.signals` at `description.sampling_rate`.
            threads: CPU threads to share the windows; the results are the same for any number.
        """
        # One run at least, so that no windows have outputs of the right shape.
        parts = [signals[at : at + BATCH] for at in range(0, max(len(signals), 1), BATCH)]
        session = self._session

        def run(part: np.ndarray) -> list[np.ndarray]:
            found: list[np.ndarray] = session.run(list(OUTPUTS), {INPUT: part})
            return found

        if threads == 1:
            found = [run(part) for part in parts]
        else:
            with ThreadPoolExecutor(threads) as pool:
                found = list(pool.map(run, parts))
        probabilities, *others = (np.concatenate(each) for each in zip(*found, strict=True))
        return Outputs(_add_up_to_one(probabilities), *others)


def _add_up_to_one(probabilities: np.ndarray) -> np.ndarray:
    exact = probabilities.astype(np.float64)
    shares: np.ndarray = exact / exact.sum(axis=1, keepdims=True)
    return shares


def session(model: bytes) -> "InferenceSession":
    """ONNX Runtime, ready to run a model on one thread of the CPU.

    The windows of a stream come a few at a time: more threads would wait for each other.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


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
    with (
        replacing_file(folder / DESCRIPTION) as description,
        replacing_file(folder / MODEL) as model,
    ):  # both are written before either takes its place
        model.write_bytes(bundle.model)
        text = bundle.description.model_dump_json(indent=2)
        description.write_text(text + "\n", encoding="utf-8")


def describe(folder: str | Path) -> Description:
    """Read a bundle's description alone.

    Raises:
        HarError: It is not there, or damaged.
    """
    folder = Path(folder)
    with _problems_in_words(folder):
        return Description.model_validate_json((folder / DESCRIPTION).read_bytes())


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
        model = (folder / MODEL).read_bytes()
        if hashlib.sha256(model).hexdigest() != description.model_sha256:
            raise ValueError(f"{MODEL} is not the file that {DESCRIPTION} describes")
    return Bundle(description, model)


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
        text = " ".join(str(error).split())
        raise HarError(f"{folder} is damaged ({text:.300})") from None


def digest(folder: Path) -> str:
    """SHA-256 of a bundle's description, which names the model's: the model's identity."""
    return hashlib.sha256((folder / DESCRIPTION).read_bytes()).hexdigest()
