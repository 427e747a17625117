"""The training loop."""

import copy
import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import ConstantLR, LRScheduler, OneCycleLR
from tqdm import tqdm

from har.data.windows import Windows, prepare_lstm_data
from har.errors import HarError
from har.learning import processes
from har.learning.augmentation import Augmenter
from har.learning.balance import draw_weights
from har.learning.checks import check_labels, check_model, check_signals
from har.learning.networks import Classifier, build, choose_device
from har.params import Params, Train, checked
from har.signals.blocks import in_blocks, taken
from har.signals.recordings import ACTIVITIES
from har.signals.scaling import Scaling

M = TypeVar("M", bound=nn.Module)

Epoch = dict[str, float | int | None]
"""A row of `History.epochs`."""


@dataclass(frozen=True)
class History:
    """What was seen after each epoch, and which one was kept.

    Attributes:
        epochs: A row per epoch: `epoch` (from 1), `train_loss`, `val_loss`, `train_accuracy`,
            `val_accuracy`, `learning_rate`. Training figures are means over the epoch's batches,
            dropout and augmentation active; validation figures are None without validation windows.
        kept_epoch: Epoch whose weights the model has now.
    """

    epochs: list[Epoch]
    kept_epoch: int


def fit(
    train: Windows,
    scaling: Scaling,
    params: Params,
    *,
    val: Windows | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    show_progress: bool = True,
) -> tuple[Classifier, History]:
    """Build the network of the settings and train it: the same bits every time on one machine.

    Sets PyTorch's seed and its number of threads, of the whole process.

    Args:
        train: Scaled windows to learn from.
        scaling: How they were scaled: augmentation turns signals in their own units.
        params: `model`, `train` and `augmentation` are read.
        val: Scaled windows of other people, to watch the training by; None or no windows for no
            validation.
        on_epoch: Called after each epoch with its row of the history; of several processes
            (`har.learning.processes`) by the first alone.
        show_progress: Show a bar on standard error.

    Returns:
        The network, in the weights of the epoch that was kept, and the history.

    Raises:
        HarError: As `train_model`.
    """
    seed_everything(params.train.seed, params.train.threads)
    model = build(params.model, len(train.channels), len(train.activities))
    device = choose_device(params.train.device)
    X_val, y_val = (None, None) if val is None else prepare_lstm_data(val)
    return train_model(
        model,
        *prepare_lstm_data(train),
        X_val,
        y_val,
        settings=params.train,
        augmenter=Augmenter(train, scaling, params.augmentation, device),
        chances=draw_weights(train, params.train.balance),
        on_epoch=on_epoch,
        show_progress=show_progress,
    )


def seed_everything(seed: int, threads: int = 1) -> None:
    """Make PyTorch's results repeatable, bit for bit, on one machine.

    Args:
        seed: Of weights, order of windows, dropout and augmentation.
        threads: CPU threads; another number gives other last digits.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by cuBLAS
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # Would also fill every fresh tensor, for programs that read memory before they write it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def train_model(
    model: M,
    X_train: np.ndarray,
    y_train: np.ndarray,
    X_val: np.ndarray | None = None,
    y_val: np.ndarray | None = None,
    settings: Train | None = None,
    augmenter: Augmenter | None = None,
    chances: np.ndarray | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    show_progress: bool = True,
    **changes: Any,
) -> tuple[M, History]:
    """Train a model in place with cross-entropy.

    Adam: Kingma and Ba 2015; AdamW: Loshchilov and Hutter 2019; one cycle: Smith and Topin 2019;
    label smoothing: Szegedy et al. 2016. For a result that repeats, call `seed_everything` before
    the model is made.

    Args:
        model: From (batch, size, channels) to logits (batch, classes).
        X_train: Scaled windows to learn from, float32 (windows, size, channels).
        y_train: Their activities, int (windows,), from 0.
        X_val: Scaled windows to watch, and of other people than `X_train`: neighbouring windows
            share samples and all windows of a person are alike, so that windows of the same people
            would flatter. None for no validation.
        y_val: Their activities.
        settings: Epochs, batch size, learning rate and so on, as in `har.params.Train`; the
            project's defaults if None. `seed` and `threads` are those of `seed_everything` and not
            read here.
        augmenter: What changes the training windows at random, made of the same windows; None
            leaves them as they are.
        chances: float (windows,), of each training window to be drawn, `settings.drawn` times an
            epoch; None takes each once.
        on_epoch: Called after each epoch with its row of the history.
        show_progress: Show a bar on standard error.
        **changes: Single settings by their names, before those of `settings`: `epochs=10`.

    Returns:
        The model, in the weights of the epoch that was kept, and the history.

    Raises:
        HarError: An argument has the wrong shape or value, the loss is no longer a number, or there
            is nothing to choose the best epoch by.
    """
    if "seed" in changes or "threads" in changes:
        raise HarError("seed, threads: give them to seed_everything, before the model is made")
    check_model("model", model)
    settings = checked(Train, **(settings or Train()).model_dump() | changes)
    classes = getattr(model, "num_classes", len(ACTIVITIES))
    X_train = check_signals("X_train", X_train, model)
    y_train = check_labels("y_train", y_train, len(X_train), classes)
    if augmenter is not None and len(augmenter) != len(X_train):
        raise HarError(
            f"augmenter: expected one of the {len(X_train)} windows of X_train, "
            f"got one of {len(augmenter)}"
        )
    if settings.batch_size < processes.count():
        raise HarError(
            f"train.batch_size={settings.batch_size}: expected a window for each of the "
            f"{processes.count()} processes"
        )
    if (X_val is None) != (y_val is None):
        raise HarError("X_val, y_val: expected both or neither")
    if X_val is None or y_val is None or not len(X_val):
        if settings.keep == "best":
            raise HarError("train.keep=best needs validation windows; choose train.keep=last")
        X_val, y_val = X_train[:0], y_train[:0]
    else:
        X_val = check_signals("X_val", X_val, model)
        y_val = check_labels("y_val", y_val, len(X_val), classes)
    device = choose_device(settings.device)
    model.to(device)
    # Windows stay where they are, which may be a file: a batch at a time comes to the device.
    y, labels_val = (torch.from_numpy(each).to(device) for each in (y_train, y_val))

    def windows_at(batch: Tensor, part: slice) -> Tensor:
        if augmenter is not None:
            return augmenter(batch, part)
        return torch.from_numpy(taken(X_train, batch[part].numpy())).to(device)

    trained = processes.together(model)
    optimizer = _optimizer(model, settings)
    seen = len(y) if chances is None else settings.drawn or len(y)
    schedule = _schedule(optimizer, settings, math.ceil(seen / settings.batch_size))
    epochs: list[Epoch] = []
    best_loss, best_weights, kept_epoch = math.inf, None, settings.epochs

    interactive = sys.stderr.isatty()
    progress = tqdm(
        range(1, settings.epochs + 1),
        desc="train",
        unit="epoch",
        disable=not show_progress or processes.rank() > 0,
        mininterval=0.1 if interactive else 15,
    )
    step = 0
    for epoch in progress:
        trained.train()
        # Summed on the device: reading a number back after each batch would wait for it.
        total_loss, correct = torch.zeros((), device=device), torch.zeros((), device=device)
        for batch in _order(seen, chances).split(settings.batch_size):
            if len(batch) < processes.count():
                continue  # the last one of an epoch may be too small to be shared
            # All is drawn by every process, the same: of that, each takes its share.
            mine = processes.share()
            x_batch, y_batch = windows_at(batch, mine), y[batch[mine].to(device)]
            optimizer.zero_grad()
            with processes.own_randomness(step):
                logits = trained(x_batch)
            loss = cross_entropy(logits, y_batch, label_smoothing=settings.label_smoothing)
            (loss * processes.weight(len(y_batch), len(batch))).backward()
            optimizer.step()
            schedule.step()
            total_loss += cross_entropy(logits.detach(), y_batch) * len(y_batch)
            correct += (logits.detach().argmax(dim=1) == y_batch).sum()
            step += 1
        loss_sum, right = processes.summed(total_loss, correct)
        val_loss, val_accuracy = _score(model, X_val, labels_val)
        row: Epoch = {
            "epoch": epoch,
            "train_loss": loss_sum / seen,
            "val_loss": val_loss,
            "train_accuracy": right / seen,
            "val_accuracy": val_accuracy,
            "learning_rate": optimizer.param_groups[0]["lr"],
        }
        epochs.append(row)
        if on_epoch is not None and processes.rank() == 0:
            on_epoch(row)
        if not math.isfinite(loss_sum) or not math.isfinite(val_loss or 0):
            raise HarError(
                f"the loss is {row['train_loss']} in training, {val_loss} in validation, "
                f"in epoch {epoch}: "
                f"train.learning_rate={settings.learning_rate} is too high; lower it"
            )
        if settings.keep == "best" and val_loss is not None and val_loss < best_loss:
            best_loss, kept_epoch = val_loss, epoch
            best_weights = copy.deepcopy(model.state_dict())
        shown = {"loss": row["train_loss"], "val_accuracy": val_accuracy}
        progress.set_postfix(
            {name: f"{value:.4f}" for name, value in shown.items() if value is not None},
            refresh=interactive,
        )
    if best_weights is not None:
        model.load_state_dict(best_weights)
    return model, History(epochs, kept_epoch)


def _order(count: int, chances: np.ndarray | None) -> Tensor:
    """`count` windows for an epoch, in the order in which they are taken."""
    if chances is None:
        return torch.randperm(count)
    return torch.multinomial(torch.from_numpy(chances), count, replacement=True)


def _optimizer(model: nn.Module, settings: Train) -> torch.optim.Optimizer:
    if settings.optimizer == "adam":
        return torch.optim.Adam(
            model.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
    # Biases and normalizations are not decayed, as is usual with AdamW.
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": matrices},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )


def _schedule(optimizer: torch.optim.Optimizer, settings: Train, steps: int) -> LRScheduler:
    """`steps` are the batches of an epoch."""
    if settings.schedule == "constant":
        return ConstantLR(optimizer, factor=1.0)
    return OneCycleLR(optimizer, settings.learning_rate, total_steps=steps * settings.epochs + 1)


@torch.inference_mode()
def _score(model: nn.Module, X: np.ndarray, y: Tensor) -> tuple[float | None, float | None]:
    """Mean loss and accuracy, without dropout; None where there are no windows."""
    if not len(y):
        return None, None
    model.eval()
    mine = processes.share()
    x_mine, y_mine = X[mine], y[mine]
    loss, accuracy = torch.zeros(2, device=y.device)
    if len(y_mine):
        batches = (torch.tensor(block, device=y.device) for block in in_blocks(x_mine, size=1024))
        logits = torch.cat([model(batch) for batch in batches])
        loss = cross_entropy(logits, y_mine)
        accuracy = (logits.argmax(dim=1) == y_mine).double().mean()
    part = len(y_mine) / len(y)
    mean_loss, mean_accuracy = processes.summed(loss * part, accuracy * part)
    return mean_loss, mean_accuracy
