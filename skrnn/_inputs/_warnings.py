"""Warnings that point to the user's code."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from skrnn.exceptions import DataWarning

#: Packages that are skipped: a warning points to the line that called the first of them.
_INSIDE = ("skrnn", "sklearn", "joblib")


_is_own_data: ContextVar[bool] = ContextVar("_is_own_data", default=False)


@contextmanager
def own_data() -> Iterator[None]:
    """Suppress warnings in the block about data that were made by skrnn."""
    token = _is_own_data.set(True)
    try:
        yield
    finally:
        _is_own_data.reset(token)


def is_own_data() -> bool:
    """Tell whether the data were made by skrnn."""
    return _is_own_data.get()


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, pointing to the nearest calling line outside these packages."""
    if issubclass(category, DataWarning) and is_own_data():
        return
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
