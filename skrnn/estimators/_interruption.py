"""Tells estimators around a network that the user has interrupted its fit, which kept its best parameters."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_is_interrupted: ContextVar[list[bool] | None] = ContextVar("_is_interrupted", default=None)


@contextmanager
def noticing_interruption() -> Iterator[list[bool]]:
    """Yield a list that is empty unless a fit within the block, in this thread, is interrupted and ends early."""
    notices: list[bool] = []
    token = _is_interrupted.set(notices)
    try:
        yield notices
    finally:
        _is_interrupted.reset(token)


@contextmanager
def whole_or_not() -> Iterator[None]:
    """Raise KeyboardInterrupt at the end of the block if a fit within it has been interrupted and ended early."""
    with noticing_interruption() as notices:
        yield
    if notices:
        raise KeyboardInterrupt


def tell_of_interruption() -> None:
    """Report an interrupted fit to the surrounding `noticing_interruption`, if any."""
    notices = _is_interrupted.get()
    if notices is not None:
        notices.append(True)
