import math

import numpy as np
import pytest
import torch
from torch import nn

from har.errors import HarError
from har.learning.networks import (
    ConvRecurrentClassifier,
    LSTMModel,
    RecurrentClassifier,
    build,
    choose_device,
    count_parameters,
    predict_probabilities,
)
from har.params import ConvRecurrent, Recurrent


def network(**changes):
    torch.manual_seed(0)
    channels = changes.pop("input_size", 6)
    settings = {"num_layers": 2, "bidirectional": False} | changes
    return RecurrentClassifier(Recurrent(**settings), channels, 6)


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({}, 60_806),
        ({"input_size": 9}, 61_574),
        ({"input_size": 9, "bidirectional": True}, 155_014),
    ],
)
def test_sizes_of_the_networks_in_the_readme(changes, parameters):
    assert count_parameters(network(**changes)) == parameters


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_every_form_learns_from_the_whole_window(cell, bidirectional, num_layers):
    model = network(
        cell=cell, bidirectional=bidirectional, num_layers=num_layers, hidden_size=8
    ).eval()
    x = torch.randn(4, 30, 6, requires_grad=True)
    logits = model(x)
    assert logits.shape == (4, 6)
    logits.sum().backward()
    assert (x.grad[:, 0].abs().sum(dim=1) > 0).all()
    assert (x.grad[:, -1].abs().sum(dim=1) > 0).all()


def test_both_directions_count_alike():
    """A bidirectional network with mirrored weights sees a mirrored window as the mirror image."""
    model = network(bidirectional=True, num_layers=1, hidden_size=5).eval()
    with torch.no_grad():
        for name, value in list(model.layers[0].named_parameters()):
            if name.endswith("_reverse"):
                value.copy_(getattr(model.layers[0], name.removesuffix("_reverse")))
        weight = model.head[0].weight
        weight[:, 5:] = weight[:, :5]
        x = torch.randn(3, 20, 6)
        torch.testing.assert_close(model(x), model(x.flip(1)))


def test_probabilities_do_not_depend_on_the_batch():
    signals = np.random.default_rng(0).normal(size=(50, 20, 6)).astype(np.float32)
    model, cpu = network(hidden_size=8), torch.device("cpu")
    whole = predict_probabilities(model, signals, cpu)
    np.testing.assert_allclose(whole.sum(axis=1), 1)
    np.testing.assert_allclose(predict_probabilities(model, signals, cpu, 7), whole, atol=1e-6)
    np.testing.assert_allclose(predict_probabilities(model, signals[:1], cpu), whole[:1], atol=1e-6)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_gpu_is_said():
    assert choose_device("auto").type == "cpu"
    with pytest.raises(HarError, match="train.device=cuda"):
        choose_device("cuda")


def conv_network(**changes):
    torch.manual_seed(0)
    settings = {
        "hidden_size": 8,
        "num_layers": 2,
        "filters": 16,
        "kernels": [3, 9],
        "pooling": [2, 2],
        "companding": [0.03],
        "shortcut": False,
    }
    return ConvRecurrentClassifier(ConvRecurrent(**settings | changes), 6, 6)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("companding", [[], [0.03, 0.01]])
@pytest.mark.parametrize("pooling", [[2, 2], [2, 4]])
@pytest.mark.parametrize("shortcut", [False, True])
@pytest.mark.parametrize("size", [8, 30, 128])
def test_every_convolutional_form_learns_from_the_whole_window(
    cell, bidirectional, companding, pooling, shortcut, size
):
    model = conv_network(
        cell=cell,
        bidirectional=bidirectional,
        companding=companding,
        pooling=pooling,
        shortcut=shortcut,
    ).eval()
    x = torch.randn(4, size, 6, requires_grad=True)
    logits = model(x)
    assert logits.shape == (4, 6)
    logits.sum().backward()
    usable = size - size % math.prod(pooling)
    assert (x.grad[:, :usable].abs().sum(dim=(0, 2)) > 0).all()


def test_companding_shows_small_movements_beside_large_ones():
    """A still window and one of a hundredth of the usual movement are told apart."""
    torch.manual_seed(0)
    still = torch.zeros(1, 128, 6)
    sway = still + 0.01 * torch.sin(torch.arange(128) / 5)[None, :, None]

    def difference(companding):
        model = conv_network(companding=companding).eval()
        return (model(still) - model(sway)).abs().mean()

    assert difference([0.003]) > 20 * difference([])


def test_the_shortcut_goes_past_the_recurrent_layers():
    """With recurrent layers that say nothing, windows are told apart by the shortcut alone."""
    torch.manual_seed(0)
    windows = torch.randn(4, 128, 6)
    for shortcut in (False, True):
        model = conv_network(shortcut=shortcut).eval()
        with torch.no_grad():
            for weights in model.layers.parameters():
                weights.zero_()
        assert (model(windows).std(dim=0) > 1e-3).all() == shortcut


def test_pooling_says_how_many_steps_the_recurrent_layers_read():
    model = conv_network(pooling=[2, 4])
    read = []
    model.layers[0].register_forward_hook(lambda _, given, __: read.append(given[0].shape[1]))
    model(torch.randn(4, 128, 6))
    assert read == [16]


def test_without_recurrent_layers_the_convolutions_alone_decide():
    model = conv_network(num_layers=0, shortcut=True)
    assert not any(isinstance(module, nn.RNNBase) for module in model.modules())
    assert model(torch.randn(4, 128, 6)).shape == (4, 6)
    with pytest.raises(HarError, match="num_layers"):
        LSTMModel(num_layers=0)


def test_build_makes_the_network_that_is_named():
    settings = Recurrent(num_layers=2, bidirectional=False)
    model = build(settings, 6, 6)
    assert count_parameters(model) == 60_806
    assert model.settings is settings
    assert (model.input_size, model.num_classes) == (6, 6)
    other = build(ConvRecurrent(filters=16), 9, 4)
    assert isinstance(other, ConvRecurrentClassifier)
    assert (other.settings.filters, other.input_size, other.num_classes) == (16, 9, 4)


@pytest.mark.parametrize(
    "settings",
    [
        Recurrent(),
        Recurrent(bidirectional=False, cell="gru", head_size=5),
        ConvRecurrent(),
        ConvRecurrent(num_layers=0, shortcut=False, filters=12),
        ConvRecurrent(bidirectional=False, num_layers=2),
    ],
)
def test_the_last_linear_layer_takes_the_features(settings):
    torch.manual_seed(0)
    model = build(settings, 6, 4).eval()
    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    taken = []
    last.register_forward_hook(lambda _, given, __: taken.append(given[0]))
    windows = torch.randn(3, 32, 6)
    logits, features = model(windows), model.features(windows)
    assert features.shape == (3, model.feature_size) == (3, last.in_features)
    assert torch.equal(taken[0], features)
    assert torch.equal(model.classify(features), logits)
