"""Work side by side, on this machine's cores or on a cluster: joblib, Dask or Ray spreads it."""

import logging
import socket
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import ExitStack
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import joblib

from har.errors import HarError
from har.params import Workers

if TYPE_CHECKING:
    from dask.distributed import Client

T = TypeVar("T")
Work = Callable[[], T]

DEATHS = ("KilledWorker", "WorkerCrashedError", "NodeDiedError", "OutOfMemoryError")
"""What Dask and Ray raise then, of packages that may not be there."""

CONNECT_SECONDS = 30
"""How long a cluster may take to answer."""

AHEAD = 2
"""Pieces of work that each worker of a cluster is given before the first is done."""


def side_by_side(work: Iterable[Work[T]], workers: Workers) -> Iterator[T]:
    """Do things side by side and hand out each result as it comes, in no order.

    Args:
        work: Functions that another process can be given, with what they need.
        workers: How many at once, and where: over local processes, or over a Dask or Ray cluster.

    Raises:
        HarError: The cluster cannot be reached, or a worker has died.
    """
    spread = {"loky": _over_processes, "dask": _over_dask, "ray": _over_ray}[workers.backend]
    try:
        yield from spread(iter(work), workers)
    except CancelledError:
        raise HarError(
            f"workers.address={workers.address}: the connection to the {workers.backend} cluster "
            "was lost; run this again when the cluster is there"
        ) from None
    except Exception as error:
        if not isinstance(error, BrokenExecutor) and type(error).__name__ not in DEATHS:
            raise
        raise HarError(
            "a worker died at its work, as one does whose memory is full: run this again, with "
            f"fewer at once (workers.jobs={workers.jobs}) if it happens again"
        ) from None


def _over_processes(work: Iterator[Work[T]], workers: Workers) -> Iterator[T]:
    parallel = joblib.Parallel(workers.jobs, return_as="generator_unordered", pre_dispatch="all")
    yield from parallel(joblib.delayed(one)() for one in work)


def _over_dask(work: Iterator[Work[T]], workers: Workers) -> Iterator[T]:
    try:
        from dask.distributed import as_completed
    except ImportError as error:
        raise _missing("distributed", workers, error) from None
    # What a worker raises is raised here, and a cluster that is lost is said.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # Each training is sent with its windows.
    warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
    with ExitStack() as stack:
        client = _dask_client(workers, stack)
        first = islice(work, _number(workers) or AHEAD * len(client.nthreads()))
        running = as_completed(client.submit(one, pure=False) for one in first)
        for done in running:
            running.update(client.submit(one, pure=False) for one in islice(work, 1))
            yield done.result()


def _dask_client(workers: Workers, stack: ExitStack) -> "Client":
    """Of a cluster that has workers which can do the work; of one of its own without address."""
    from dask.distributed import Client, LocalCluster

    address = workers.address
    if not address:
        cluster = LocalCluster(
            n_workers=_number(workers),
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        )
        address = stack.enter_context(cluster).scheduler_address
    try:
        client: Client = stack.enter_context(Client(address, timeout=CONNECT_SECONDS))
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise _unreachable(workers, error) from None
    try:
        # A worker that could not read its work would end, and the work would wait for ever.
        client.run(import_module, __name__)
    except ImportError as error:
        raise _unable(workers, error) from None
    # Seeds and thread counts belong to a process: two trainings in one would disturb each other.
    if any(number > 1 for number in client.nthreads().values()):
        raise HarError(
            f"workers.address={address}: a worker has several threads, which share one seed; "
            "start the workers with --nthreads 1"
        )
    return client


def _over_ray(work: Iterator[Work[T]], workers: Workers) -> Iterator[T]:
    try:
        import ray
    except ImportError as error:
        raise _missing("ray", workers, error) from None
    with ExitStack() as stack:
        host, _, port = workers.address.rpartition(":")
        try:
            if host and port.isdecimal():
                # Where nothing listens, Ray waits for minutes.
                socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
            ray.init(
                workers.address or "local",
                num_cpus=None if workers.address else _number(workers),
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (OSError, OverflowError, ValueError) as error:
            raise _unreachable(workers, error) from None
        stack.callback(ray.shutdown)
        cores = int(ray.cluster_resources().get("CPU", 1))
        remote = ray.remote(_call)
        first = islice(work, _number(workers) or AHEAD * cores)
        running = [remote.remote(one) for one in first]
        while running:
            (done,), running = ray.wait(running)
            running += [remote.remote(one) for one in islice(work, 1)]
            try:
                yield ray.get(done)
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, ray.exceptions.RaySystemError):
                    raise _unable(workers, error.cause) from None
                raise error.cause from None


def _number(workers: Workers) -> int | None:
    """How many at once, if that is said."""
    return workers.jobs if workers.jobs > 0 else None


def _call(work: Work[T]) -> T:
    return work()


def _missing(package: str, workers: Workers, error: ImportError) -> HarError:
    return HarError(
        f"workers.backend={workers.backend} needs the package {package} ({error}): "
        f"pip install {package}"
    )


def _unreachable(workers: Workers, error: Exception) -> HarError:
    return HarError(
        f"workers.address={workers.address}: no {workers.backend} cluster answers ({error})"
    )


def _unable(workers: Workers, error: Exception) -> HarError:
    reason = str(error).partition("\n")[0]
    return HarError(
        f"workers.backend={workers.backend}: a worker cannot do the work ({reason}): it needs the "
        "packages of requirements.txt, and the project's folder on its path (PYTHONPATH)"
    )
