"""What the page and the server say to each other over the WebSocket, in JSON.

The page begins with `hello`. Samples and labels follow in the order of time, so a label holds for
the samples after it. The server answers with `ready`, and then with predictions as they are made.
"""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from har.errors import HarError, reason_of
from har.recognition.profile import Profile
from har.recognition.recognizer import Prediction, Stream
from har.signals.recordings import ACTIVITIES

MAX_MESSAGE = 128 * 1024
"""Bytes of a message, at most."""

MAX_SAMPLES = 500
"""Samples in a message, at most."""

MIN_HOP, MAX_HOP = 10, 500
"""Samples at 50 Hz from one prediction to the next."""

NAME = r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}"
"""Names of recorded sessions; the server makes them."""

Triple = tuple[float, float, float]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hello(_Message):
    """First of all: what the samples will mean.

    Attributes:
        acceleration_unit: As for `har.signals.sensors.Readings`.
        angular_rate_unit: Likewise.
        rotation: Likewise, row by row.
        hop: Samples at 50 Hz from one prediction to the next.
        smoothing: Whether to smooth the predictions over time.
        profile: What the phone's wearer has shown, if anything.
        placement: Where the phone is worn, if that is told (`har.model.postures.PARTS`).
    """

    type: Literal["hello"]
    acceleration_unit: Literal["g", "m/s2"] = "m/s2"
    angular_rate_unit: Literal["rad/s", "deg/s"] = "deg/s"
    rotation: Annotated[list[float], Field(min_length=9, max_length=9)] = list(np.eye(3).flat)
    hop: Annotated[int, Field(ge=MIN_HOP, le=MAX_HOP)] = 25
    smoothing: bool = True
    profile: Profile | None = None
    placement: Annotated[str, Field(max_length=20)] | None = None

    @field_validator("rotation")
    @classmethod
    def _is_rotation(cls, value: list[float]) -> list[float]:
        matrix = np.array(value).reshape(3, 3)
        bounded = bool((np.abs(matrix) <= 1.01).all())  # false for what is not finite
        if not (bounded and np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-3)):
            raise ValueError("should be a rotation, nine numbers row by row")
        if np.linalg.det(matrix) < 0:
            raise ValueError("should be a rotation, not a mirror")
        return value


class Samples(_Message):
    """A few samples: times in s, acceleration and angular rate of each along three axes.

    Angular rate may be left out where the model needs none; it is not looked at there.
    """

    type: Literal["samples"]
    times: Annotated[list[float], Field(max_length=MAX_SAMPLES)]
    acceleration: Annotated[list[Triple], Field(max_length=MAX_SAMPLES)]
    angular_rate: Annotated[list[Triple], Field(max_length=MAX_SAMPLES)] | None = None

    @model_validator(mode="after")
    def _are_as_many(self) -> "Samples":
        rates = self.times if self.angular_rate is None else self.angular_rate
        if not len(self.times) == len(self.acceleration) == len(rates):
            raise ValueError("times, acceleration and angular_rate should be equally long")
        return self


class Record(_Message):
    """Write the samples that follow into a file, or go on with that of this name."""

    type: Literal["record"]
    name: Annotated[str, Field(pattern=f"^{NAME}$")] | None = None


class Label(_Message):
    """What the person does from the next sample on; nothing that has a name if None."""

    type: Literal["label"]
    activity: Literal[ACTIVITIES] | None = None  # type: ignore[valid-type]


class Save(_Message):
    """The recording is complete."""

    type: Literal["save"]


class Bye(_Message):
    """No more samples will come."""

    type: Literal["bye"]


Message = Hello | Samples | Record | Label | Save | Bye

_ANY: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def parse(text: str) -> Message:
    """A message.

    Raises:
        HarError: It is not valid; the text says where.
    """
    try:
        return _ANY.validate_json(text)
    except ValidationError as error:
        raise HarError(reason_of(error)) from None


def ready(activities: list[str], window: int, hop: int) -> dict[str, Any]:
    """The server's answer to `hello`."""
    return {"type": "ready", "activities": activities, "window": window, "hop": hop}


def prediction(made: Prediction) -> dict[str, Any]:
    """A prediction."""
    return {
        "type": "prediction",
        "time": made.time,
        "activity": made.activity,
        "probability": made.probability,
        "probabilities": made.probabilities.tolist(),
        "novelty": made.novelty,
        "known": made.known,
        "features": [round(value, 4) for value in made.features.tolist()],
        "profile": made.profile,
    }


def status(stream: Stream) -> dict[str, Any]:
    """What became of the samples so far."""
    return {
        "type": "status",
        "samples": stream.samples,
        "rejected": dict(stream.rejected),
        "rejectedWindows": stream.rejected_windows,
        "restarts": stream.restarts,
        "problem": stream.problem,
    }


def kept(
    name: str, rows: int, until: float | None, files: int, left_out: int, done: bool
) -> dict[str, Any]:
    """How much of a recording is on the disk, and whether it is complete.

    Args:
        name: Of its newest file.
        rows: In all of its files.
        until: Time of the last of them.
        files: How many there are.
        left_out: Samples that no file has, since they cannot be.
        done: Whether it is complete.
    """
    return {
        "type": "saved" if done else "kept",
        "name": name,
        "rows": rows,
        "until": until,
        "files": files,
        "leftOut": left_out,
    }


def error(reason: str) -> dict[str, Any]:
    """Something that the page asked for did not work."""
    return {"type": "error", "reason": reason}
