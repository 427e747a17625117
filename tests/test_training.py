import numpy as np
import pytest
import torch

from har.data.splits import assign_splits
from har.data.windows import prepare_lstm_data
from har.errors import HarError
from har.learning.augmentation import Augmenter
from har.learning.networks import LSTMModel, build
from har.learning.training import fit, seed_everything, train_model
from har.params import Augmentation, Params, Train
from har.signals.scaling import Scaling

UNSCALED = Scaling(np.zeros(6, np.float32), np.ones(6, np.float32))
NOTHING = Augmentation(shift=0, rotation=0)


@pytest.fixture
def parts(windows):
    split = assign_splits(windows, [4], seed=0)
    return windows.select(split == "train"), windows.select(split == "val")


def settings(**changes):
    usual = {
        "epochs": 3,
        "batch_size": 32,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "schedule": "constant",
        "weight_decay": 0.0001,
        "label_smoothing": 0.0,
        "keep": "best",
        "threads": 1,
        "device": "cpu",
    }
    return Train(**usual | changes)


def train(parts, augmentation=NOTHING, **changes):
    chosen = settings(**changes)
    seed_everything(chosen.seed, chosen.threads)
    model = LSTMModel(hidden_size=16, num_layers=1, head_size=16, dropout=0.1)
    arrays = [array for part in parts for array in prepare_lstm_data(part)]
    augmenter = Augmenter(parts[0], UNSCALED, augmentation, torch.device("cpu"))
    return train_model(model, *arrays, settings=chosen, augmenter=augmenter)


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


def test_fit_builds_seeds_augments_and_trains_as_the_settings_say(parts):
    params = Params.model_validate(
        {
            "model": {"hidden_size": 4, "filters": 4},
            "train": {"epochs": 2, "seed": 3, "keep": "best", "device": "cpu"},
            "split": {"val_subjects": 1},
        }
    )
    model, history = fit(parts[0], UNSCALED, params, val=parts[1], show_progress=False)
    seed_everything(3, params.train.threads)
    by_hand = build(params.model, 6, 6)
    augmenter = Augmenter(parts[0], UNSCALED, params.augmentation, torch.device("cpu"))
    arrays = [array for part in parts for array in prepare_lstm_data(part)]
    _, expected = train_model(by_hand, *arrays, settings=params.train, augmenter=augmenter)
    assert np.array_equal(weights(model), weights(by_hand))
    assert history == expected
    assert history.epochs[0]["val_loss"] is not None


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
    model = LSTMModel(hidden_size=4)
    with torch.no_grad():
        model.head[0].bias[0] = torch.nan
    with pytest.raises(HarError, match=r"the loss is nan in training, .* in epoch 1"):
        train_model(model, *prepare_lstm_data(parts[0]), settings=settings(keep="last"))


def test_one_cycle_rises_to_the_learning_rate_and_falls_to_nothing(parts):
    _, history = train(parts, epochs=10, schedule="one_cycle", optimizer="adamw")
    rates = [row["learning_rate"] for row in history.epochs]
    peak = int(np.argmax(rates))
    assert rates[peak] == pytest.approx(0.01, rel=0.05)
    assert 1 <= peak <= 4
    assert rates[-1] < 1e-4 < rates[0]


def test_adamw_decays_matrices_alone(parts):
    """With so small a step only the decay moves a weight far: matrices shrink, biases stay."""
    nothing, _ = train(parts, epochs=1, optimizer="adamw", weight_decay=0.0, learning_rate=1e-6)
    model, _ = train(parts, epochs=1, optimizer="adamw", weight_decay=9.0, learning_rate=1e-6)
    before, after = nothing.head[0], model.head[0]
    assert torch.equal(before.bias, after.bias)
    assert after.weight.norm() < before.weight.norm()


def test_label_smoothing_lowers_confidence_and_loss_is_told_without_it(parts):
    plain, _ = train(parts, epochs=8)
    smooth, history = train(parts, epochs=8, label_smoothing=0.4)
    x = torch.from_numpy(parts[1].signals)

    def confidence(model):
        return model.eval()(x).softmax(dim=1).amax(dim=1).mean()

    assert confidence(smooth) < confidence(plain)
    # Cross-entropy with smoothed targets cannot fall below the entropy of the target, 1.2 here.
    assert history.epochs[-1]["train_loss"] < 1.2


def test_augmentation_changes_the_training_and_repeats_with_the_seed(parts):
    strong = Augmentation(shift=0.5, rotation=20, scale=0.1)
    first, second = (weights(train(parts, strong)[0]) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, weights(train(parts)[0]))


def test_windows_are_drawn_by_their_chances_as_many_as_are_asked_for(parts):
    X, y = prepare_lstm_data(parts[0])
    seed_everything(0)
    model = LSTMModel(hidden_size=8, num_layers=1, head_size=8)
    batches = []
    model.register_forward_pre_hook(lambda _, args: batches.append(len(args[0])))
    chances = (y == 2) / (y == 2).sum()
    train_model(
        model, X, y, chances=chances, epochs=5, batch_size=32, drawn=100, balance=1.0, device="cpu"
    )
    assert batches == [32, 32, 32, 4] * 5
    model.eval()
    with torch.inference_mode():
        assert set(model(torch.from_numpy(X)).argmax(dim=1).tolist()) == {2}
