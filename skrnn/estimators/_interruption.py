"""Calls that end early: an error leaves an object as it was, and an interruption by the user is passed on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, cast

from skrnn._inputs._messages import settings_unchanged_on_error
from skrnn.parallel._blas_threads import blocks_of_thread, end_blocks_since

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
Class = TypeVar("Class", bound=type[Any])


def threads_unchanged_on_error(method: Method) -> Method:
    """Restore the threads of BLAS, and all other settings, if the method ends in an error."""
    guarded = settings_unchanged_on_error(method)

    @wraps(method)
    def unchanged(*arguments: Any, **keywords: Any) -> Any:
        blocks, notices = blocks_of_thread(), _is_interrupted.get()
        try:
            return guarded(*arguments, **keywords)
        except BaseException:
            end_blocks_since(blocks)
            _is_interrupted.set(notices)
            raise

    return cast(Method, unchanged)


def unchanged_on_error(method: Method) -> Method:
    """Restore an object, the threads of BLAS and all other settings if the method ends in an error.

    The method must replace the values of attributes, not modify them.
    """
    guarded = threads_unchanged_on_error(method)

    @wraps(method)
    def unchanged(instance: Any, *arguments: Any, **keywords: Any) -> Any:
        before = vars(instance).copy()
        try:
            return guarded(instance, *arguments, **keywords)
        except BaseException:
            instance.__dict__ = before
            raise

    return cast(Method, unchanged)


def whole_fits(estimator_class: Class) -> Class:
    """Let `fit` and `fit_transform` of a class leave an instance unchanged if they end in an error.

    A decorator of the class, because scikit-learn converts the output of `fit_transform` in a method around the one
    that the class defines, and that may fail.
    """
    for name in ("fit", "fit_transform"):
        if hasattr(estimator_class, name):
            setattr(estimator_class, name, unchanged_on_error(getattr(estimator_class, name)))
    return estimator_class
