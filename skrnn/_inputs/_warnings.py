"""Warnings that point to the user's own line."""

import sys
import warnings

#: Packages whose functions call each other: a warning points to the line that called the first of them.
_INSIDE = ("skrnn", "sklearn", "joblib")


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, pointing to the nearest calling line outside of these packages."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
