"""Lets estimators around a network know that the user has interrupted its fit, which has kept what it had."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_is_interrupted: ContextVar[list[bool] | None] = ContextVar("_is_interrupted", default=None)


@contextmanager
def noticing_interruption() -> Iterator[list[bool]]:
    """Yield a list that is empty until a fit within the block, in this thread, is interrupted and ends early."""
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
    """Tell whoever is noticing that the user has interrupted a fit."""
    notices = _is_interrupted.get()
    if notices is not None:
        notices.append(True)
