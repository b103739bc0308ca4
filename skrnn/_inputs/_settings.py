"""Settings of Python, NumPy and scikit-learn, which remain those of the user."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast, final

import numpy as np
import sklearn

from skrnn._inputs._messages import is_own_data, set_own_data

Function = TypeVar("Function", bound=Callable[..., Any])


@final
class Settings:
    """The settings before a call: NumPy's error handling and buffer, filters of warnings, scikit-learn's configuration.

    Context managers restore them too, unless an interruption by the user arrives while they are being set or restored.
    """

    def __init__(self) -> None:
        self._handling, self._buffer_size = np.geterr(), np.getbufsize()
        self._filters, self._config = warnings.filters, sklearn.get_config()
        self._is_own_data = is_own_data()

    def restore(self) -> None:
        """Restore the settings."""
        np.seterr(**self._handling)
        np.setbufsize(self._buffer_size)
        if sklearn.get_config() != self._config:
            sklearn.set_config(**self._config)
        set_own_data(self._is_own_data)
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
