"""Errors that name the input."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

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
