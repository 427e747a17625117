"""What a phone's readings mean: their units, and how the phone is worn."""

from dataclasses import dataclass, field

import numpy as np

from har.errors import HarError

STANDARD_GRAVITY = 9.80665
"""One g in m/s² (CGPM 1901)."""

ACCELERATION_UNITS = {"g": 1.0, "m/s2": 1 / STANDARD_GRAVITY}
"""What one of each unit is in g."""

ANGULAR_RATE_UNITS = {"rad/s": 1.0, "deg/s": np.pi / 180}
"""What one of each unit is in rad/s."""

MAX_ACCELERATION, MAX_ANGULAR_RATE = 20.0, 40.0
"""No phone's sensors reach these, in g and rad/s."""

NO_ANGULAR_RATE = (
    "the model needs angular rate too (gyroscope); one trained on windowing.channels=[total_acc] "
    "does without"
)
"""Said where only acceleration was measured, and the model needs more."""

UP = np.array([1.0, 0.0, 0.0])
"""Where an upright person's phone measures gravity in UCI HAR: along its own x axis.

The phone was worn at the waist on its side, the right edge of its screen upward; its axes are those
of Android and of the browsers' DeviceMotion: x to the right of the screen, y to its top, z out of
it.
"""

_SIDEWAYS = {
    # What is up: the phone's own axis, turned about z onto x, the screen facing as it did.
    "right-edge-up": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "left-edge-up": [[-1, 0, 0], [0, -1, 0], [0, 0, 1]],
    "top-up": [[0, 1, 0], [-1, 0, 0], [0, 0, 1]],
    "top-down": [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
}

MOUNTINGS = {
    **{name: np.array(matrix, float) for name, matrix in _SIDEWAYS.items()},
    # Half a turn about the vertical: the screen faces the body.
    **{
        f"{name}-screen-in": np.diag([1.0, -1.0, -1.0]) @ np.array(matrix, float)
        for name, matrix in _SIDEWAYS.items()
    },
}
"""Ways to wear a phone at the waist, each with the rotation from its axes to UCI HAR's.

In UCI HAR the screen faces away from the body (standing people lean a little onto +z).
"""


def rotation_upright(acceleration: np.ndarray) -> np.ndarray:
    """The smallest rotation (3, 3) that makes an upright phone's gravity point `UP`.

    It leaves open which way the phone faces, as gravity does.

    Args:
        acceleration: (samples, 3), measured while the person stands still, gravity included.
    """
    up = acceleration.mean(axis=0)
    up = up / np.linalg.norm(up)
    cosine = float(up @ UP)
    if cosine < -1 + 1e-9:  # upside down: half a turn about z
        return np.diag([-1.0, -1.0, 1.0])
    axis = np.cross(up, UP)
    skew = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    rotation: np.ndarray = np.eye(3) + skew + skew @ skew / (1 + cosine)
    return rotation


@dataclass(frozen=True)
class Readings:
    """How to read a phone's samples.

    Attributes:
        acceleration_unit: A key of `ACCELERATION_UNITS`.
        angular_rate_unit: A key of `ANGULAR_RATE_UNITS`.
        rotation: (3, 3), from the phone's axes to UCI HAR's; one of `MOUNTINGS`, or
            `rotation_upright` after it.

    Raises:
        HarError: A unit is unknown, or the rotation has another shape.
    """

    acceleration_unit: str = "g"
    angular_rate_unit: str = "rad/s"
    rotation: np.ndarray = field(default_factory=lambda: np.eye(3))

    def __post_init__(self) -> None:
        for name, units in [
            ("acceleration_unit", ACCELERATION_UNITS),
            ("angular_rate_unit", ANGULAR_RATE_UNITS),
        ]:
            if (unit := getattr(self, name)) not in units:
                raise HarError(f"{name}={unit!r}: expected one of {', '.join(units)}")
        if not isinstance(self.rotation, np.ndarray) or self.rotation.shape != (3, 3):
            came = getattr(self.rotation, "shape", type(self.rotation).__name__)
            raise HarError(f"rotation: expected an array (3, 3), got {came}")

    def convert(self, acceleration: np.ndarray, angular_rate: np.ndarray | None) -> np.ndarray:
        """(samples, 3) each, to (samples, 6) in g and rad/s along UCI HAR's axes.

        Without angular rate, to (samples, 3) in g.
        """
        in_g: np.ndarray = acceleration @ (
            self.rotation.T * ACCELERATION_UNITS[self.acceleration_unit]
        )
        if angular_rate is None:
            return in_g
        turning = angular_rate @ (self.rotation.T * ANGULAR_RATE_UNITS[self.angular_rate_unit])
        return np.hstack([in_g, turning])
