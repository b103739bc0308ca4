"""What holds for every input, whoever reads it: an error names it, and nothing beneath a mask is read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

#: Words by which a message says what would have been right.
_EXPECTATION = re.compile("expect|required|must|minimum", re.IGNORECASE)


@contextmanager
def naming(name: str, expected: str) -> Iterator[None]:
    """Let errors that leave the block say which input they are about, and what it should have been.

    A number too large for a float, which is Python's OverflowError, becomes a ValueError; one that a conversion makes
    infinite does without NumPy's warning.
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
    """Return the message with a full stop, which errors of Python and NumPy lack."""
    message = message.rstrip(" \n,;:")
    return message if message.endswith((".", "!", "?")) else f"{message}."


def refuse_masked(values: Any, name: str) -> None:
    """Raise ValueError for a masked array, or a list of some, with entries masked: NumPy would read what is beneath."""
    holds_others = isinstance(values, list | tuple) or (
        isinstance(values, np.ndarray) and values.dtype == object and values.ndim == 1
    )
    if _has_masked(values) or (holds_others and any(map(_has_masked, values))):
        raise ValueError(
            f"{name} is a masked array of NumPy with masked entries; expected an array without a mask: "
            f"{name}.filled(numpy.nan) makes missing values of them, where these are allowed."
        )


def check_weights(weights: np.ndarray, name: str) -> None:
    """Raise for weights that are not finite or below zero, and where all are zero."""
    if not np.isfinite(weights).all():
        raise ValueError(f"{name} contains {weights[~np.isfinite(weights)][0]}; expected finite weights >= 0.")
    if (weights < 0).any():
        raise ValueError(f"{name} contains {weights.min()}; expected weights >= 0.")
    if not weights.any():
        raise ValueError(f"{name} is zero for all samples (that have a target); expected at least one positive weight.")


def _has_masked(values: Any) -> bool:
    return isinstance(values, np.ma.MaskedArray) and bool(np.ma.is_masked(values))
