"""Checks of the parameters that only windows have."""

from typing import Any

from skrnn._inputs._parameters import describe, is_integer
from skrnn.sequences._windows import PADDINGS


def check_padding(padding: Any) -> None:
    """Raise unless `padding` is the name of a padding."""
    if not isinstance(padding, str):
        raise TypeError(f"{describe('padding', padding)}; expected a string, one of {PADDINGS}.")
    if padding not in PADDINGS:
        raise ValueError(f"padding is {padding!r}; expected one of {PADDINGS}.")


def check_group_column(group_column: Any) -> None:
    """Raise unless `group_column` is a name, a position or None."""
    if not (group_column is None or isinstance(group_column, str) or is_integer(group_column)):
        raise TypeError(
            f"{describe('group_column', group_column)}; expected the name or the position of a column, or None."
        )
