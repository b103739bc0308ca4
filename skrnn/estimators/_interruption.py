"""Calls that end early: an error leaves an object as it was, and an interruption by the user is passed on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

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


Method = TypeVar("Method", bound=Callable[..., Any])


def settings_unchanged_on_error(method: Method) -> Method:
    """Restore NumPy's error handling and buffer size if the method ends in an error.

    Context managers restore them too, unless an interruption arrives while they are being set or restored.
    """

    @wraps(method)
    def unchanged(*arguments: Any, **keywords: Any) -> Any:
        handling, buffer_size = np.geterr(), np.getbufsize()
        try:
            return method(*arguments, **keywords)
        except BaseException:
            np.seterr(**handling)
            np.setbufsize(buffer_size)
            raise

    return cast(Method, unchanged)


def unchanged_on_error(method: Method) -> Method:
    """Restore an object and NumPy's settings if the method ends in an error.

    The method must replace the values of attributes, not modify them.
    """

    @wraps(method)
    def unchanged(instance: Any, *arguments: Any, **keywords: Any) -> Any:
        before = vars(instance).copy()
        try:
            return settings_unchanged_on_error(method)(instance, *arguments, **keywords)
        except BaseException:
            instance.__dict__ = before
            raise

    return cast(Method, unchanged)
