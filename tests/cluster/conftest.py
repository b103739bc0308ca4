"""A Dask cluster of two worker processes."""

import pytest

from skrnn.network import _inference
from tests.cluster.tasks import two_workers


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
    """Divide data into small chunks: the plan is sent to the workers with the data."""
    for name, value in {"_MIN_CHUNK_SIZE": 3, "_CHUNK_SIZE": 5, "_STATE_NUMBERS": 1}.items():
        monkeypatch.setattr(_inference, name, value)
