"""Training on several processes that share each batch, as PyTorch's `torchrun` starts them.

Every process holds the same network, draws the same windows in the same order and changes them
alike. It works on its share of each batch; gradients are averaged by `DistributedDataParallel`, and
batch normalization is over the whole batch. So N processes learn what one learns, but for rounding
and for dropout, which is each process's own.
"""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from har.errors import HarError


def start(module: str, arguments: Sequence[str], number: int, threads: int) -> None:
    """Run a module in several processes on this machine, and end as the first that fails.

    Args:
        module: Its name; it trains within `joined()`.
        arguments: Of its command line.
        number: Of processes.
        threads: Of each.

    Raises:
        HarError: One of them was killed.
    """
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    options = ["--standalone", f"--nproc-per-node={number}", "--local-ranks-filter=0"]
    try:
        run.main([*options, "--module", module, *arguments])
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if (status := failure.exitcode) < 0:
            raise HarError(
                f"process {rank} of the training was ended by {signal.Signals(-status).name}, "
                "which the system does where memory is short: a lower train.processes takes less"
            ) from None
        sys.exit(status)  # it has said why
    except SignalException as error:
        sys.exit(128 + error.sigval)


def is_one() -> bool:
    """Whether this is one of the processes that `torchrun` has started."""
    return dist.is_torchelastic_launched()


@contextmanager
def joined() -> Iterator[None]:
    """Take part in the processes that `torchrun` has started; by itself, nothing."""
    if not is_one():
        yield
        return
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def count() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Which of them this is, from 0: the first writes."""
    return dist.get_rank() if dist.is_initialized() else 0


def share() -> slice:
    """This process's rows of a batch: every `count()`th."""
    return slice(rank(), None, count())


def weight(share: int, batch: int) -> float:
    """Of the mean loss over a share, so that the processes' average is over all of the batch."""
    return share * count() / batch


def together(model: nn.Module) -> nn.Module:
    """The model as it is called in training: its gradients are those of the whole batch.

    The model itself learns, in place.
    """
    if count() == 1:
        return model
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm1d:
                setattr(module, name, SharedBatchNorm1d.of(child))
    # Statistics of normalization need not be sent: they are the same everywhere.
    return DistributedDataParallel(
        model, forward_sync_buffers=False, gradient_as_bucket_view=True, static_graph=True
    )


@contextmanager
def own_randomness(step: int) -> Iterator[None]:
    """Random numbers of this process alone, after which those in common go on.

    Args:
        step: Of the training, from 0: another one has other numbers.
    """
    if count() == 1:
        yield
        return
    with torch.random.fork_rng():
        torch.manual_seed((torch.initial_seed() + 1) * 1_000_003 + step * count() + rank())
        yield


def summed(*values: Tensor) -> list[float]:
    """Single numbers, each summed over all processes."""
    together = torch.stack([value.double() for value in values])
    if count() > 1:
        dist.all_reduce(together)
    return cast(list[float], together.tolist())


class _Normalize(torch.autograd.Function):
    """Batch normalization over all processes, which meet once forward and once backward.

    What each does by itself is left to PyTorch's own kernels, which pass over the values once.
    """

    @staticmethod
    def forward(
        context: Any, values: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        # Means and squares about them, put together without cancellation: Chan, Golub and LeVeque
        # 1983, Algorithms for computing the sample variance.
        mean, variance = torch.batch_norm_update_stats(values, None, None, 0.0)
        size = mean.new_tensor([values.numel() / values.shape[1]])
        every = mean.new_empty(count(), 2 * len(mean) + 1)
        dist.all_gather([*every], torch.cat([mean, variance, size]))
        sizes = every[:, -1:]
        means, variances = every[:, :-1].chunk(2, dim=1)
        number = sizes.sum()
        mean = (sizes * means).sum(dim=0) / number
        variance = (sizes * (variances + (means - mean).square())).sum(dim=0) / number
        context.save_for_backward(values, weight, mean, (variance + eps).rsqrt(), number)
        context.mark_non_differentiable(mean, variance, number)
        made = torch.native_batch_norm(values, weight, bias, mean, variance, False, 0.0, eps)[0]
        return made, mean, variance, number

    @staticmethod
    def backward(context: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        values, weight, mean, scale, number = context.saved_tensors
        _, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, values, weight, None, None, mean, scale, True, 0.0, [False, True, True]
        )
        if not context.needs_input_grad[0]:
            return None, of_weight, of_bias, None
        total = torch.cat([of_weight, of_bias])
        dist.all_reduce(total)
        slope, shift = (total / number).chunk(2)
        # weight * scale * (gradient - shift - slope * (values - mean) * scale), in two passes.
        shape = [-1 if axis == 1 else 1 for axis in range(values.ndim)]
        factor = weight * scale
        of_values = -factor * slope * scale
        constant = -factor * shift - of_values * mean
        found = torch.addcmul(constant.view(shape), values, of_values.view(shape))
        return found.addcmul_(gradient, factor.view(shape)), of_weight, of_bias, None


class SharedBatchNorm1d(nn.BatchNorm1d):
    """Batch normalization over the batches of all processes; in evaluation like any other.

    PyTorch's `SyncBatchNorm` works on GPUs alone.
    """

    @classmethod
    def of(cls, plain: nn.BatchNorm1d) -> "SharedBatchNorm1d":
        """One with the same parameters and statistics."""
        made = cls(plain.num_features, plain.eps, plain.momentum)
        made.weight, made.bias = plain.weight, plain.bias
        made.running_mean, made.running_var = plain.running_mean, plain.running_var
        made.num_batches_tracked = plain.num_batches_tracked
        return made.train(plain.training)

    def forward(self, values: Tensor) -> Tensor:
        """Normalise (batch, channels, steps) or (batch, channels)."""
        if not self.training:
            return super().forward(values)
        normalized, mean, variance, number = _Normalize.apply(  # type: ignore[no-untyped-call]
            values, self.weight, self.bias, self.eps
        )
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None
            assert self.momentum is not None and self.num_batches_tracked is not None
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * number / (number - 1), self.momentum)
        return cast(Tensor, normalized)
