"""Work side by side: where it is done, and what is said when a cluster cannot do it."""

import os
import sys
import time
from functools import partial

import pytest

from har import parallel
from har.errors import HarError
from har.parallel import side_by_side
from har.params import Workers


def number_and_process(number):
    time.sleep(0.01)
    return number, os.getpid()


def done(workers, count=7):
    return list(side_by_side((partial(number_and_process, each) for each in range(count)), workers))


@pytest.fixture
def cluster():
    """A Dask cluster of one worker."""
    from dask.distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50
    ) as made:
        yield made


@pytest.mark.parametrize("jobs", [-1, 1, 3])
def test_local_processes_do_each_piece_once(jobs):
    assert sorted(number for number, _ in done(Workers(jobs=jobs))) == list(range(7))


@pytest.mark.parametrize("jobs", [-1, 1])
def test_the_only_worker_of_a_cluster_does_the_work(cluster, jobs):
    """And not the process that asked, which may be another machine."""
    workers = Workers(backend="dask", address=cluster.scheduler_address, jobs=jobs)
    results = done(workers)
    assert sorted(number for number, _ in results) == list(range(7))
    (process,) = {process for _, process in results}
    assert process != os.getpid()


def test_no_more_is_under_way_than_jobs(cluster):
    cluster.scale(2)
    cluster.wait_for_workers(2)
    workers = Workers(backend="dask", address=cluster.scheduler_address, jobs=1)
    given = []

    def work():
        for each in range(6):
            given.append(each)
            yield partial(number_and_process, each)

    for count, _ in enumerate(side_by_side(work(), workers), start=1):
        assert len(given) <= count + 1


def test_a_cluster_that_is_lost_is_one_line(cluster):
    workers = Workers(backend="dask", address=cluster.scheduler_address)
    with pytest.raises(HarError, match="the connection to the dask cluster was lost") as caught:
        for _ in side_by_side((partial(time.sleep, 0.05) for _ in range(1000)), workers):
            cluster.close()
    assert "\n" not in str(caught.value)


def test_a_cluster_without_workers_is_said(cluster, monkeypatch):
    monkeypatch.setattr(parallel, "CONNECT_SECONDS", 1)
    cluster.scale(0)
    while cluster.scheduler.workers:
        time.sleep(0.05)
    with pytest.raises(HarError, match="no dask cluster answers .*Only 0/1 workers"):
        done(Workers(backend="dask", address=cluster.scheduler_address))


def test_a_worker_that_lacks_the_project_is_said(cluster, monkeypatch):
    monkeypatch.setattr(parallel, "__name__", "har_of_another_machine")
    with pytest.raises(HarError, match="cannot do the work .*No module named 'har_of_another"):
        done(Workers(backend="dask", address=cluster.scheduler_address))


def test_workers_with_several_threads_are_refused():
    from dask.distributed import LocalCluster

    with (
        LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0"
        ) as made,
        pytest.raises(HarError, match="start the workers with --nthreads 1"),
    ):
        done(Workers(backend="dask", address=made.scheduler_address))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1", "carrier://pigeon:1"])
def test_a_dask_cluster_that_does_not_answer_is_said(address, monkeypatch):
    monkeypatch.setattr(parallel, "CONNECT_SECONDS", 1)
    with pytest.raises(HarError, match=rf"^workers.address={address}: no dask cluster answers"):
        done(Workers(backend="dask", address=address))


@pytest.mark.parametrize("address", ["127.0.0.1:9", "127.0.0.1"])
def test_a_ray_cluster_that_does_not_answer_is_said(address):
    pytest.importorskip("ray")
    with pytest.raises(HarError, match=rf"^workers.address={address}: no ray cluster answers"):
        done(Workers(backend="ray", address=address))


@pytest.mark.parametrize(("backend", "package"), [("ray", "ray"), ("dask", "distributed")])
def test_a_package_that_is_missing_is_said(monkeypatch, backend, package):
    monkeypatch.setitem(sys.modules, "ray" if backend == "ray" else "dask.distributed", None)
    with pytest.raises(HarError, match=rf"workers.backend={backend} needs the package {package} "):
        done(Workers(backend=backend))
