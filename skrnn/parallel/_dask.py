"""Objects shared by many calls, which are sent to the workers of a Dask cluster only once."""

from functools import partial
from typing import Any, final
from uuid import uuid4
from weakref import WeakValueDictionary

from joblib.parallel import get_active_backend


@final
class Shared:
    """An object that can be found by its token, that of all its copies, in every process that has a copy of it."""

    def __init__(self, token: str, value: Any) -> None:
        self.token = token
        self.value = value
        _alive[token] = self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle so that the other process finds the object by its token."""
        return _shared, (self.token, self.value)


#: All objects that are alive in this process, by token.
_alive: WeakValueDictionary[str, Shared] = WeakValueDictionary()


def find_shared(token: str) -> Shared | None:
    """Return the object with this token, if this process has it."""
    return _alive.get(token)


def _shared(token: str, value: Any) -> Shared:
    """Return the object with this token in this process, or a new one.

    A second object would replace the first one; after its deletion neither would be found.
    """
    return find_shared(token) or Shared(token, value)


@final
class Keepers:
    """The workers of a Dask cluster, which keep a copy of an object as long as this instance exists.

    No copy is indispensable: a worker without one reports this (`find_shared`), and another process computes. Each copy
    is a separate result, because Dask reduces several copies of one result to a single copy within seconds, and data
    that were sent but not computed are lost with their worker, together with everything that depends on them.
    """

    def __init__(self, backend: Any, value: Any) -> None:
        self.token = uuid4().hex
        self._backend = backend  # of joblib, a DaskDistributedBackend, with its client
        self._shared = Shared(self.token, value)
        self._copies: dict[str, Any] = {}  # by the address of the worker
        self.supply()

    @property
    def value(self) -> Any:
        """The object."""
        return self._shared.value

    def supply(self) -> None:
        """Send the object to workers without a copy: once to the first, which passes it on to the others."""
        client = self._backend.client
        self._copies = {a: copy for a, copy in self._copies.items() if copy.status == "finished"}
        lacking = client.ncores().keys() - self._copies.keys()
        if not lacking:
            return
        (sent,) = client.scatter([self._shared], hash=False)
        # If a worker is lost in the meantime, its task goes to another one, so that nothing waits for it.
        keep = partial(client.submit, _keep, sent, pure=False, allow_other_workers=True)
        copies = {address: keep(workers=[address]) for address in lacking}
        with self._backend.retrieval_context():  # lets others work if this is itself a task
            for copy in copies.values():
                copy.exception()  # waits without fetching the result
        self._copies |= copies


def _keep(shared: Shared) -> Shared:
    """Return the object as a separate result, which remains when the sent one is released."""
    return shared


def active_cluster() -> Any:
    """Return joblib's backend if it is a Dask cluster, otherwise None."""
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
