"""What many calls share, kept by the workers of a Dask cluster, to which it is sent once."""

from functools import partial
from typing import Any, final
from uuid import uuid4
from weakref import WeakValueDictionary

from joblib.parallel import get_active_backend


@final
class Shared:
    """An object that a process finds by its token, wherever a copy of this one is alive.

    Parameters
    ----------
    token : str
        Of the object and all its copies.
    value : object
        The object.
    """

    def __init__(self, token: str, value: Any) -> None:
        self.token = token
        self.value = value
        _alive[token] = self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle so that the other process finds the object too: it has one per token."""
        return _shared, (self.token, self.value)


#: All that are alive in this process, by their tokens.
_alive: WeakValueDictionary[str, Shared] = WeakValueDictionary()


def find_shared(token: str) -> Shared | None:
    """Return the object of this token, if this process has it."""
    return _alive.get(token)


def _shared(token: str, value: Any) -> Shared:
    """Return the object of this token that this process has, or a new one.

    A second object would replace the first one under the token; once it were deleted, neither would be found.
    """
    return find_shared(token) or Shared(token, value)


@final
class Keepers:
    """The workers of a Dask cluster, each of which keeps a copy of an object as long as this one is alive.

    No copy is indispensable: a worker without one says so (`find_shared`), and another process computes. Each copy is
    a result of its own, since Dask reduces several copies of one result to a single one within seconds, and what was
    sent but not computed is lost with the worker that had it, together with all that depends on it.

    Parameters
    ----------
    backend : DaskDistributedBackend
        That of joblib, with its client.
    value : object
        What is to be kept.
    """

    def __init__(self, backend: Any, value: Any) -> None:
        self.token = uuid4().hex
        self._backend = backend
        self._shared = Shared(self.token, value)
        self._copies: dict[str, Any] = {}  # by the address of the worker
        self.supply()

    @property
    def value(self) -> Any:
        """What is kept."""
        return self._shared.value

    def supply(self) -> None:
        """Send the object to the workers without a copy: once to the first, which passes it on to the others."""
        client = self._backend.client
        self._copies = {a: copy for a, copy in self._copies.items() if copy.status == "finished"}
        lacking = client.ncores().keys() - self._copies.keys()
        if not lacking:
            return
        (sent,) = client.scatter([self._shared], hash=False)
        # A worker may die meanwhile: its task then goes to another one, so that nothing waits for it.
        keep = partial(client.submit, _keep, sent, pure=False, allow_other_workers=True)
        copies = {address: keep(workers=[address]) for address in lacking}
        with self._backend.retrieval_context():  # lets others work, if this is a task of a worker
            for copy in copies.values():
                copy.exception()  # waits, and fetches nothing
        self._copies |= copies


def _keep(shared: Shared) -> Shared:
    """Return what was sent: a result of its own, which stays when the sent one is released."""
    return shared


def active_cluster() -> Any:
    """Return joblib's backend if it is that of a Dask cluster, else None."""
    backend, _ = get_active_backend()
    return backend if hasattr(getattr(backend, "client", None), "scatter") else None


def is_within_task() -> bool:
    """Tell whether this is a task of a Dask worker, such as one of the fits of a grid search."""
    if active_cluster() is None:
        return False
    from distributed import get_worker

    try:
        get_worker()
    except ValueError:
        return False
    return True
