"""Restores an object and NumPy's settings when a call ends in an error or an interruption."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

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
