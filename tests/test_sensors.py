import numpy as np
import pytest

from har.errors import HarError
from har.signals.sensors import MOUNTINGS, STANDARD_GRAVITY, UP, Readings, rotation_upright


def test_units():
    readings = Readings("m/s2", "deg/s")
    converted = readings.convert(np.array([[STANDARD_GRAVITY, 0, 0]]), np.array([[0, 180.0, 0]]))
    np.testing.assert_allclose(converted, [[1, 0, 0, 0, np.pi, 0]])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"acceleration_unit": "m/s^2"}, r"acceleration_unit='m/s\^2': expected one of g, m/s2"),
        ({"angular_rate_unit": "rpm"}, "angular_rate_unit='rpm': expected one of rad/s, deg/s"),
        ({"rotation": np.eye(4)}, r"rotation: expected an array \(3, 3\), got \(4, 4\)"),
        ({"rotation": "top-up"}, "rotation: expected .*, got str"),
    ],
)
def test_readings_that_mean_nothing_are_refused(wrong, message):
    with pytest.raises(HarError, match=message):
        Readings(**wrong)


@pytest.mark.parametrize("name", MOUNTINGS)
def test_mountings_are_rotations(name):
    rotation = MOUNTINGS[name]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "up", "out"),
    [
        ("right-edge-up", [1, 0, 0], [0, 0, 1]),
        ("left-edge-up", [-1, 0, 0], [0, 0, 1]),
        ("top-up", [0, 1, 0], [0, 0, 1]),
        ("top-down", [0, -1, 0], [0, 0, 1]),
        ("top-up-screen-in", [0, 1, 0], [0, 0, -1]),
    ],
)
def test_a_mounting_brings_what_is_up_to_x_and_what_faces_out_to_z(name, up, out):
    readings = Readings(rotation=MOUNTINGS[name])
    converted = readings.convert(np.array([up], float), np.array([out], float))
    np.testing.assert_allclose(converted[0, :3], UP, atol=1e-12)
    np.testing.assert_allclose(converted[0, 3:], [0, 0, 1], atol=1e-12)


@pytest.mark.parametrize("up", [[0, 1, 0], [0.3, -0.5, 0.8], [-1, 0, 0], [1, 0, 0]])
def test_standing_still_finds_what_is_up(up):
    up = np.array(up) / np.linalg.norm(up)
    noise = np.random.default_rng(0).normal(0, 0.01, (150, 3))
    rotation = rotation_upright(STANDARD_GRAVITY * (up + noise))
    np.testing.assert_allclose(rotation @ up, UP, atol=0.01)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)
