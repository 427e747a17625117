"""Work side by side, on this machine's cores or on a cluster: joblib spreads it."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import joblib

from har.errors import HarError
from har.params import Workers

T = TypeVar("T")

DEATHS = ("KilledWorker", "WorkerCrashedError")
"""What Dask and Ray raise then, of packages that may not be there."""

CONNECT_SECONDS = 30
"""How long a cluster may take to answer."""


def side_by_side(work: Iterable[Callable[[], T]], workers: Workers) -> Iterator[T]:
    """Do things side by side and hand out each result as it comes, in no order.

    Args:
        work: Functions that another process can be given, with what they need.
        workers: How many at once, and where: over local processes, or over a Dask or Ray cluster.

    Raises:
        HarError: The cluster cannot be reached, or a worker has died.
    """
    with _backend(workers):
        # Ray's backend for joblib cannot hand out results one by one.
        return_as = "list" if workers.backend == "ray" else "generator_unordered"
        parallel = joblib.Parallel(n_jobs=workers.jobs, return_as=return_as, pre_dispatch="all")
        try:
            yield from parallel(joblib.delayed(one)() for one in work)
        except Exception as error:
            if not isinstance(error, BrokenExecutor) and type(error).__name__ not in DEATHS:
                raise
            raise HarError(
                "a worker died at its work, as one does whose memory is full: run this again, with "
                f"fewer at once (workers.jobs={workers.jobs}) if it happens again"
            ) from None


@contextmanager
def _backend(workers: Workers) -> Iterator[None]:
    """Where joblib sends work meanwhile."""
    with ExitStack() as stack:
        try:
            if workers.backend == "dask":
                _connect_to_dask(workers.address, stack)
            elif workers.backend == "ray":
                import ray
                from ray.util.joblib import register_ray

                ray.init(address=workers.address or None)
                register_ray()
        except ImportError as error:
            package = {"dask": "distributed"}.get(workers.backend, workers.backend)
            raise HarError(
                f"workers.backend={workers.backend} needs the package {package} ({error}): "
                f"pip install {package}"
            ) from None
        except (OSError, TimeoutError, ConnectionError) as error:
            raise HarError(
                f"workers.address={workers.address}: no {workers.backend} cluster answers ({error})"
            ) from None
        with joblib.parallel_config(backend=workers.backend):
            yield


def _connect_to_dask(address: str, stack: ExitStack) -> None:
    from dask.distributed import Client, LocalCluster

    if not address:
        cluster = LocalCluster(threads_per_worker=1, dashboard_address=None)
        address = stack.enter_context(cluster).scheduler_address
    client = stack.enter_context(Client(address, timeout=CONNECT_SECONDS))
    # Seeds and thread counts belong to a process: two trainings in one would disturb each other.
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    if any(worker["nthreads"] > 1 for worker in workers):
        raise HarError(
            f"workers.address={address}: a worker has several threads, which share one seed; "
            "start the workers with --nthreads 1"
        )
