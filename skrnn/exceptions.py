"""Warnings that are skrnn's own."""

__all__ = ["DataWarning"]


class DataWarning(UserWarning):
    """The data can be read, but are most likely not what was meant.

    The message says what to do. Whoever means it silences the category by
    ``warnings.simplefilter("ignore", skrnn.exceptions.DataWarning)``.
    """
