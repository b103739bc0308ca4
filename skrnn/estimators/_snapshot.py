"""An object, and NumPy's settings, are what they were before a call that ends in an error, an interruption included."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

Method = TypeVar("Method", bound=Callable[..., Any])


def settings_unchanged_on_error(method: Method) -> Method:
    """Let NumPy's error handling and buffer be what they were where the method ends in an error.

    Blocks restore them, but not where an interruption comes in the moment in which they are set or restored.
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
    """Let an object, and NumPy's settings, be what they were where the method ends in an error.

    The method must replace what attributes hold, and not change it.
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
