"""Errors that name the input they are about, and warnings that point to the user's own line."""

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from skrnn.exceptions import DataWarning

#: Words of a message that says what was expected.
_EXPECTATION = re.compile("expect|required|must|minimum", re.IGNORECASE)


@contextmanager
def naming(name: str, expected: str) -> Iterator[None]:
    """Add to errors that leave the block the name of the input and what was expected.

    An OverflowError, for a number too large for a float, becomes a ValueError; NumPy's warning about a conversion to
    infinity is suppressed.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except (ValueError, TypeError, OverflowError) as error:
        message = str(error)
        # scikit-learn calls every array X or y.
        message = re.sub(r"\b(X|y)\b(?!_)", name, message) if name in ("X_val", "y_val") else message
        if not re.search(rf"\b{re.escape(name)}\b", message):
            message = f"{name}: {_as_sentence(message)} Expected {expected}."
        elif not _EXPECTATION.search(message):
            message = f"{_as_sentence(message)} Expected {expected}."
        raise (TypeError if isinstance(error, TypeError) else ValueError)(message) from error


def _as_sentence(message: str) -> str:
    """Return the message with a full stop, which is missing in errors of Python and NumPy."""
    message = message.rstrip(" \n,;:")
    return message if message.endswith((".", "!", "?")) else f"{message}."


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


def set_own_data(value: bool) -> None:
    """Set whether the data were made by skrnn."""
    _is_own_data.set(value)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, pointing to the nearest calling line outside these packages."""
    if issubclass(category, DataWarning) and is_own_data():
        return
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
