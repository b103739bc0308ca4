"""Errors that name their input, warnings that point to the user's line, and settings that stay as the user set them."""

import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, cast, final

import numpy as np
import sklearn

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
        message = re.sub(r"(Complex data not supported)\n.*", r"\1", str(error), flags=re.DOTALL)  # without the data
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
_own_data: ContextVar[frozenset[str]] = ContextVar("_own_data", default=frozenset())


@contextmanager
def own_data(names: Iterable[str] = ("X", "y")) -> Iterator[None]:
    """Suppress warnings in the block about data of which X, y or both were made by skrnn."""
    token = _own_data.set(_own_data.get().union(names))
    try:
        yield
    finally:
        _own_data.reset(token)


def names_of_own_data() -> frozenset[str]:
    """Return which of X and y were made by skrnn."""
    return _own_data.get()


def is_own_data() -> bool:
    """Tell whether X or y was made by skrnn."""
    return bool(_own_data.get())


def warn(message: str, category: type[Warning] = UserWarning, about: Iterable[str] = ("X", "y")) -> None:
    """Warn, pointing to the nearest calling line outside these packages; not about data made by skrnn."""
    if issubclass(category, DataWarning) and not names_of_own_data().isdisjoint(about):
        return
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


Function = TypeVar("Function", bound=Callable[..., Any])


@final
class Settings:
    """The settings before a call: NumPy's error handling and buffer, filters of warnings, scikit-learn's configuration.

    Context managers restore them too, unless an interruption by the user arrives while they are being set or restored.
    """

    def __init__(self) -> None:
        self._handling, self._buffer_size = np.geterr(), np.getbufsize()
        self._filters, self._config = warnings.filters, sklearn.get_config()
        self._own_data = _own_data.get()

    def restore(self) -> None:
        """Restore the settings."""
        np.seterr(**self._handling)
        np.setbufsize(self._buffer_size)
        if sklearn.get_config() != self._config:
            sklearn.set_config(**self._config)
        _own_data.set(self._own_data)
        # Filters belong to the process: they are not restored if another thread may have set them.
        n_filters = len(self._filters)
        if warnings.filters is not self._filters and warnings.filters[-n_filters:] == self._filters:
            warnings.filters = self._filters
            with warnings.catch_warnings():
                pass  # lets the module notice


def settings_unchanged_on_error(function: Function) -> Function:
    """Restore all `Settings` if the function ends in an error."""

    @wraps(function)
    def unchanged(*arguments: Any, **keywords: Any) -> Any:
        settings = Settings()
        try:
            return function(*arguments, **keywords)
        except BaseException:
            settings.restore()
            raise

    return cast(Function, unchanged)
