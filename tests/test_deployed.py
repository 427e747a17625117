"""The deployed model, in PyTorch and as its export."""

from unittest import mock

import numpy as np
import pytest
import torch
from made_bundle import GROUPS, SIZE, made_bundle, movement, trained, untrained

from har.errors import HarError
from har.learning.augmentation import any_rotations
from har.learning.networks import predict_probabilities
from har.model import deployed, embedding, export, novelty
from har.model.calibration import with_temperature
from har.model.deployed import PLAUSIBLE, TOO_QUICK, TOO_STRONG, TOO_WEAK, DeployedModel
from har.model.embedding import Embedding
from har.model.novelty import Novelty
from har.model.runtime import INPUT, OUTPUTS, session
from har.signals.channels import make_channels
from har.signals.filters import filter_recording
from har.signals.recordings import ACTIVITIES, STILL, UCI_HAR_ACTIVITIES
from har.signals.scaling import Scaling

pytestmark = pytest.mark.xdist_group("onnx")


def some_points(network):
    """Four of the features, plus 1."""
    return Embedding(
        np.full(network.feature_size, -1, np.float32),
        np.eye(network.feature_size, 4, dtype=np.float32),
    )


def windows(size=SIZE, seed=5):
    rng = np.random.default_rng(seed)
    signals = filter_recording(*movement(np.arange(1500) / 50, rng)).astype(np.float32)
    return signals[np.arange(200, 1300, 20)[:, None] + np.arange(size)]


def run(model, signals):
    return dict(zip(OUTPUTS, session(model).run(list(OUTPUTS), {INPUT: signals}), strict=True))


def test_the_same_as_channels_scaling_network_temperature_and_novelty_one_by_one():
    network, record, train = trained()
    made = made_bundle()
    found = made.predict(windows())
    scaled = record.scaling.apply(make_channels(windows(), GROUPS))
    plain = predict_probabilities(network, scaled, torch.device("cpu"))
    np.testing.assert_allclose(found.probabilities, with_temperature(plain, 0.7), atol=1e-4)

    def summarized(signals):
        return novelty.summarize(torch.from_numpy(signals), record.channels).numpy()

    fitted = novelty.fit(summarized(train.signals), train.label, train.subject)
    apart = summarized(scaled)[:, None] / fitted.scale - fitted.centres
    expected = np.sqrt((apart**2).sum(axis=2)).min(axis=1) / fitted.limit
    np.testing.assert_allclose(found.novelty, expected, rtol=1e-3)

    groups = embedding.group(train.label, train.subject, train.placement)
    with torch.inference_mode():
        taken = network.features(torch.from_numpy(train.signals)).numpy()
        features = network.features(torch.from_numpy(scaled)).numpy()
    made_of = embedding.fit(taken, groups)
    points = (features - made_of.offset) @ made_of.directions
    np.testing.assert_allclose(found.features[:, :-3], points, atol=1e-3)
    np.testing.assert_allclose(found.features[:, -3:], windows()[..., 6:].mean(axis=1), atol=1e-5)
    assert np.ptp(found.probabilities) > 0.9


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("recurrent", {"cell": "lstm", "bidirectional": True, "num_layers": 2}),
        ("recurrent", {"cell": "gru", "bidirectional": False}),
        ("conv_recurrent", {"cell": "lstm", "bidirectional": False, "num_layers": 2}),
        ("conv_recurrent", {"cell": "gru", "bidirectional": True, "companding": []}),
        ("conv_recurrent", {"num_layers": 0}),
    ],
)
def test_every_kind_of_network_gives_the_same_in_onnx(name, settings):
    # The exporter takes its time for each step of a window: a short one shows the same.
    size = 5
    network = untrained(name, 3, **settings)
    model = DeployedModel(
        network,
        UCI_HAR_ACTIVITIES,
        ["total_acc"],
        Scaling(np.zeros(3, np.float32), np.ones(3, np.float32)),
        0.5,
        1.0,
        Novelty(np.ones(6), np.zeros((1, 6)), 1.0),
        some_points(network),
    )
    content = export.to_onnx(model, size)
    for some in (windows(size), windows(size)[:1]):
        with torch.inference_mode():
            expected = model(torch.from_numpy(some))
        for found, each in zip(run(content, some).values(), expected, strict=True):
            np.testing.assert_allclose(found, each.numpy(), rtol=1e-4, atol=1e-4)


def test_an_export_is_the_same_every_time_and_names_no_path():
    network, record, _ = trained(num_layers=0)
    model = DeployedModel(
        network,
        record.activities,
        GROUPS,
        record.scaling,
        1.0,
        1.0,
        Novelty(np.ones(17), np.zeros((1, 17)), 1.0),
        some_points(network),
    )
    content = export.to_onnx(model, SIZE)
    assert export.to_onnx(model, SIZE) == content
    assert b".py" not in content


def test_an_export_that_comes_out_otherwise_is_refused():
    network, record, _ = trained(num_layers=0)
    nothing = Novelty(np.ones(17), np.zeros((1, 17)), 1.0)
    with (
        mock.patch.object(deployed, "MAX_TURNING", 0.5),
        mock.patch.object(export, "session", lambda _: session(made_bundle().model)),
        pytest.raises(HarError, match="of the model in ONNX differs from PyTorch's by"),
    ):
        export.to_onnx(
            DeployedModel(
                network,
                record.activities,
                GROUPS,
                record.scaling,
                1.0,
                1.0,
                nothing,
                some_points(network),
            ),
            SIZE,
        )


@pytest.mark.parametrize("size", [SIZE, 31])
def test_readings_that_no_worn_phone_makes_are_named_with_their_measure(size):
    rng = np.random.default_rng(0)
    signals = np.zeros((4, size, 9), np.float32)
    direction = rng.normal(size=(4, size, 3))
    lengths = np.array([1.0, 0.2, 9.8, 1.0])[:, None] * rng.uniform(0.9, 1.1, (4, size))
    unit = direction / np.linalg.norm(direction, axis=2)[..., None]
    signals[..., 6:] = unit * lengths[..., None]
    signals[..., 3:6] = np.array([1.0, 1, 1, 20])[:, None, None] * rng.normal(size=(4, size, 3))
    problem, reading = deployed._plausibility(torch.from_numpy(signals))
    assert problem.tolist() == [PLAUSIBLE, TOO_WEAK, TOO_STRONG, TOO_QUICK]
    median = np.median(np.linalg.norm(signals[..., 6:], axis=2), axis=1)
    turning = np.sqrt((signals[..., 3:6] ** 2).sum(axis=2).mean(axis=1))
    np.testing.assert_allclose(reading, [*median[:3], turning[3]], rtol=1e-5)


def framed(groups, channels, posture_temperature=1.0):
    parts = 1 + 2 * (channels // 3)
    network = untrained("conv_recurrent", channels, frames=["measured", "upright", "lengths"])
    return DeployedModel(
        network,
        UCI_HAR_ACTIVITIES,
        groups,
        Scaling(np.zeros(channels, np.float32), np.ones(channels, np.float32)),
        1.0,
        posture_temperature,
        Novelty(np.ones(parts), np.zeros((1, parts)), 1.0),
        some_points(network),
    ).eval()


@pytest.mark.parametrize(("groups", "channels"), [(["total_acc", "gyro"], 6), (["total_acc"], 3)])
def test_frames_of_reference_are_part_of_the_export(groups, channels):
    model = framed(groups, channels, 3.0)
    signals = windows(size=8)
    signals[0] = 0  # without a direction
    signals[1] = np.eye(9)[6] * -1  # upside down
    with torch.inference_mode():
        expected = model(torch.from_numpy(signals))
    found = run(export.to_onnx(model, 8), signals)
    for ours, each in zip(found.values(), expected, strict=True):
        np.testing.assert_allclose(ours, each.numpy(), rtol=1e-4, atol=1e-4)


def test_novelty_is_the_same_however_the_phone_is_turned():
    model, signals = framed(["total_acc", "gyro"], 6), torch.from_numpy(windows())
    turn = any_rotations(1, torch.device("cpu"))[0]
    turned = torch.cat([each @ turn for each in signals.split(3, dim=2)], dim=2)
    with torch.inference_mode():
        torch.testing.assert_close(model(turned)[1], model(signals)[1], rtol=1e-3, atol=1e-3)


def test_postures_are_shared_out_at_a_temperature_of_their_own():
    still = [ACTIVITIES.index(name) for name in STILL]
    signals = torch.from_numpy(windows())
    with torch.inference_mode():
        plain = framed(["total_acc", "gyro"], 6)(signals)[0]
        shared = framed(["total_acc", "gyro"], 6, posture_temperature=50.0)(signals)[0]
    torch.testing.assert_close(shared.sum(dim=1), torch.ones(len(signals)))
    torch.testing.assert_close(shared[:, still].sum(dim=1), plain[:, still].sum(dim=1))
    others = [index for index in range(6) if index not in still]
    torch.testing.assert_close(shared[:, others], plain[:, others])
    within = [each[:, still] / each[:, still].sum(dim=1, keepdim=True) for each in (plain, shared)]
    assert within[0].max() > 0.9
    assert within[1].max() < 0.5
