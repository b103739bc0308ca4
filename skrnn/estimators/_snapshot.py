"""An estimator or transformer is what it was before a call that ends in an error, an interruption included."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

Method = TypeVar("Method", bound=Callable[..., Any])


def unchanged_on_error(method: Method) -> Method:
    """Let an object, and NumPy's settings, be what they were where the method ends in an error.

    The method must replace what attributes hold, and not change it.
    """

    @wraps(method)
    def unchanged(instance: Any, *arguments: Any, **keywords: Any) -> Any:
        before, handling, buffer_size = vars(instance).copy(), np.geterr(), np.getbufsize()
        try:
            return method(instance, *arguments, **keywords)
        except BaseException:
            instance.__dict__ = before
            # An interruption in the moment in which they are set or restored keeps NumPy's settings from being so.
            np.seterr(**handling)
            np.setbufsize(buffer_size)
            raise

    return cast(Method, unchanged)
