"""A Dask cluster of two worker processes."""

from contextlib import contextmanager

import pytest

from skrnn.network import _inference


@contextmanager
def two_workers(processes=True):
    """Lend a client of a cluster of two workers, processes that are begun anew when they die."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=processes, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def client():
    """Return the client of a cluster that tests share."""
    with two_workers() as client:
        yield client


@pytest.fixture
def mortal_client():
    """Return the client of a cluster whose workers may be killed."""
    with two_workers() as client:
        yield client


@pytest.fixture
def several_chunks(monkeypatch):
    """Cut data into small chunks: the plan goes to the workers with the data."""
    for name, value in {"_MIN_CHUNK_SIZE": 3, "_CHUNK_SIZE": 5, "_STATE_NUMBERS": 1}.items():
        monkeypatch.setattr(_inference, name, value)
