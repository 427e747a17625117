"""The training loop."""

import copy
import ctypes
import math
import os
import sys
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from har.errors import HarError
from har.models import choose_device
from har.params import Train
from har.windows import Windows


@dataclass(frozen=True)
class History:
    """What was seen after each epoch, and which one was kept.

    Attributes:
        epochs: A row per epoch: `epoch` (from 1), `train_loss`, `val_loss`, `train_accuracy`,
            `val_accuracy`, `learning_rate`. Training figures are means over the epoch's batches,
            dropout active; validation figures are None without validation windows.
        kept_epoch: Epoch whose weights the model has now.
    """

    epochs: list[dict[str, float | int | None]]
    kept_epoch: int


def seed_everything(seed: int, threads: int) -> None:
    """Make PyTorch's results repeatable, bit for bit, on one machine."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by cuBLAS
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # Would also fill every fresh tensor, for programs that read memory before they write it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def keep_freed_memory() -> None:
    """Let glibc keep freed memory instead of returning it to the system after every batch.

    The tensors of an LSTM's backward pass are otherwise mapped, cleared and unmapped anew each
    time, which costs a good part of the speed (benchmarks/README.md). Elsewhere nothing happens.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        trim_threshold, mmap_threshold = -1, -3  # malloc.h
        mallopt(trim_threshold, 1 << 30)
        mallopt(mmap_threshold, 32 << 20)  # glibc's upper limit


def fit(model: nn.Module, train: Windows, val: Windows, settings: Train) -> History:
    """Train a model in place with Adam (Kingma and Ba 2015) and cross-entropy.

    Call `seed_everything` before the model is made.

    Args:
        model: From (batch, size, channels) to logits (batch, classes).
        train: Scaled windows to learn from.
        val: Scaled windows to watch; may be empty if `settings.keep` is `"last"`.
        settings: Epochs, batch size, learning rate and so on.

    Raises:
        HarError: The loss is no longer a number, or there is nothing to choose the best epoch by.
    """
    if settings.keep == "best" and not len(val):
        raise HarError("train.keep=best needs validation windows; choose train.keep=last")
    keep_freed_memory()
    device = choose_device(settings.device)
    model.to(device)
    x, y = _tensors(train, device)
    x_val, y_val = _tensors(val, device)
    optimizer = torch.optim.Adam(
        model.parameters(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    loss_of = nn.CrossEntropyLoss()
    epochs: list[dict[str, float | int | None]] = []
    best_loss, best_weights, kept_epoch = math.inf, None, settings.epochs

    interactive = sys.stderr.isatty()
    progress = tqdm(
        range(1, settings.epochs + 1),
        desc="train",
        unit="epoch",
        mininterval=0.1 if interactive else 15,
    )
    for epoch in progress:
        model.train()
        # Summed on the device: reading a number back after each batch would wait for it.
        total_loss, correct = torch.zeros((), device=device), torch.zeros((), device=device)
        for batch in torch.randperm(len(y)).to(device).split(settings.batch_size):
            x_batch, y_batch = x[batch], y[batch]
            optimizer.zero_grad()
            logits = model(x_batch)
            loss = loss_of(logits, y_batch)
            loss.backward()
            optimizer.step()
            total_loss += loss.detach() * len(batch)
            correct += (logits.detach().argmax(dim=1) == y_batch).sum()
        val_loss, val_accuracy = _score(model, x_val, y_val)
        row = {
            "epoch": epoch,
            "train_loss": total_loss.item() / len(y),
            "val_loss": val_loss,
            "train_accuracy": correct.item() / len(y),
            "val_accuracy": val_accuracy,
            "learning_rate": optimizer.param_groups[0]["lr"],
        }
        epochs.append(row)
        if not math.isfinite(total_loss.item()) or not math.isfinite(val_loss or 0):
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
            {name: f"{value:.4f}" for name, value in shown.items() if value is not None}
        )
    if best_weights is not None:
        model.load_state_dict(best_weights)
    return History(epochs, kept_epoch)


def _tensors(windows: Windows, device: torch.device) -> tuple[Tensor, Tensor]:
    return (
        torch.from_numpy(windows.signals).to(device),
        torch.from_numpy(windows.label).to(device),
    )


@torch.inference_mode()
def _score(model: nn.Module, x: Tensor, y: Tensor) -> tuple[float | None, float | None]:
    """Mean loss and accuracy, without dropout; None where there are no windows."""
    if not len(y):
        return None, None
    model.eval()
    logits = torch.cat([model(batch) for batch in x.split(1024)])
    accuracy = (logits.argmax(dim=1) == y).double().mean()
    return nn.functional.cross_entropy(logits, y).item(), accuracy.item()
