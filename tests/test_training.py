import numpy as np
import pytest
import torch

from har.errors import HarError
from har.models import RecurrentClassifier
from har.params import Train
from har.splits import assign_splits
from har.training import fit, seed_everything


@pytest.fixture
def parts(windows):
    split = assign_splits(windows, [4], seed=0)
    return windows.select(split == "train"), windows.select(split == "val")


def settings(**changes):
    return Train(**{"epochs": 3, "learning_rate": 0.01, "threads": 1, "device": "cpu"} | changes)


def train(parts, **changes):
    chosen = settings(**changes)
    seed_everything(chosen.seed, chosen.threads)
    model = RecurrentClassifier(6, 6, "lstm", 16, 1, False, 16, 0.1)
    return model, fit(model, *parts, chosen)


def weights(model):
    return torch.cat([value.flatten() for value in model.state_dict().values()]).numpy()


def test_it_learns_and_tells_how(parts):
    _, history = train(parts, epochs=6)
    rows = history.epochs
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert rows[-1]["val_accuracy"] > 0.8
    assert rows[0]["learning_rate"] == 0.01


def test_the_best_epoch_is_the_one_of_lowest_validation_loss(parts):
    model, history = train(parts, epochs=8, learning_rate=0.1)
    losses = [row["val_loss"] for row in history.epochs]
    assert history.kept_epoch == 1 + int(np.argmin(losses))
    again, _ = train(parts, epochs=history.kept_epoch, learning_rate=0.1, keep="last")
    assert np.array_equal(weights(model), weights(again))


def test_two_runs_give_the_same_bits_and_another_seed_others(parts):
    first, second = (weights(train(parts)[0]) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, weights(train(parts, seed=1)[0]))


def test_without_validation_subjects_the_last_epoch_is_kept(parts):
    train_windows, val = parts
    nobody = val.select(np.zeros(len(val), bool))
    _, history = train((train_windows, nobody), keep="last")
    assert history.kept_epoch == 3
    assert history.epochs[0]["val_loss"] is None
    assert history.epochs[0]["val_accuracy"] is None


def test_without_validation_subjects_there_is_no_best_epoch(parts):
    with pytest.raises(HarError, match="train.keep=best needs validation windows"):
        train((parts[0], parts[1].select(np.zeros(len(parts[1]), bool))), keep="best")


def test_a_loss_that_is_no_number_is_said(parts):
    train_windows, val = parts
    train_windows.signals[0, 0, 0] = np.nan
    with pytest.raises(HarError, match=r"the loss is nan in training, .* in epoch 1"):
        train((train_windows, val))
