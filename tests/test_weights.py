import time
from contextlib import suppress

import numpy as np
import pytest
import torch
from made_bundle import trained, untrained

from har.errors import HarError
from har.learning import weights
from har.learning.networks import GRUModel, count_parameters


@pytest.mark.parametrize("name", ["recurrent", "conv_recurrent"])
def test_weights_come_back_with_their_record_and_their_bytes_repeat(tmp_path, name):
    _, record, windows = trained()
    network = untrained(name, len(windows.channels))
    record = record.model_copy(update={"network": network.settings})
    for file in ("a", "b"):
        weights.save(tmp_path / file, network, record)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    back, same = weights.load(tmp_path / "a")
    assert same == record
    assert weights.count(tmp_path / "a") == count_parameters(network)
    signals = torch.from_numpy(windows.signals)
    assert torch.equal(back.eval()(signals), network(signals))


def test_a_network_made_from_python_comes_back(tmp_path):
    _, record, windows = trained(("total_acc",))
    network = GRUModel(3, hidden_size=4).eval()
    weights.save(tmp_path / "w", network, record.model_copy(update={"network": network.settings}))
    signals = torch.from_numpy(windows.signals)
    assert torch.equal(weights.load(tmp_path / "w")[0].eval()(signals), network(signals))


@pytest.mark.parametrize("keep", [0, 4, 40, 3000])
def test_damaged_weights_are_one_line(tmp_path, keep):
    network, record, _ = trained()
    weights.save(tmp_path / "w", network, record)
    content = (tmp_path / "w").read_bytes()
    assert keep < len(content)
    (tmp_path / "w").write_bytes(content[:keep])
    for read in (weights.load, weights.count) if keep < 3000 else (weights.load,):
        with pytest.raises(HarError, match="w is damaged") as caught:
            read(tmp_path / "w")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("header", ["[]", '{"weight": 3}', '{"weight": {}}', "[" * 100_000])
def test_a_header_that_is_none_is_damage(tmp_path, header):
    (tmp_path / "w").write_bytes(len(header).to_bytes(8, "little") + header.encode())
    for read in (weights.load, weights.count):
        with pytest.raises(HarError, match="w is damaged"):
            read(tmp_path / "w")


def test_weights_that_do_not_fit_their_record_are_refused(tmp_path):
    network, record, _ = trained()
    other = record.network.model_copy(update={"hidden_size": 13})
    weights.save(tmp_path / "w", network, record.model_copy(update={"network": other}))
    with pytest.raises(HarError, match="w is damaged"):
        weights.load(tmp_path / "w")


def test_missing_weights_are_named(tmp_path):
    for read in (weights.load, weights.count):
        with pytest.raises(HarError, match="w: no trained weights there"):
            read(tmp_path / "w")


def test_no_bit_of_the_weights_or_their_record_flips_unseen(tmp_path):
    network, record, _ = trained()
    path = tmp_path / "w"
    weights.save(path, network, record)
    whole = path.read_bytes()
    state = network.state_dict()
    for at in np.random.default_rng(0).choice(len(whole) * 8, 200, replace=False).tolist():
        flipped = bytearray(whole)
        flipped[at // 8] ^= 1 << at % 8
        path.write_bytes(flipped)
        with suppress(HarError):
            back, same = weights.load(path)  # where JSON may have another white space
            assert same == record
            assert all(torch.equal(state[name], value) for name, value in back.state_dict().items())


def test_a_record_of_a_network_of_gigabytes_is_refused_without_making_it(tmp_path):
    network, record, _ = trained()
    huge = record.network.model_copy(update={"hidden_size": 4096, "num_layers": 16})
    weights.save(tmp_path / "w", network, record.model_copy(update={"network": huge}))
    began = time.monotonic()
    with pytest.raises(HarError, match="the weights do not fit the record"):
        weights.load(tmp_path / "w")
    assert time.monotonic() - began < 2
