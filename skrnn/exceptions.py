"""Warnings of skrnn."""

__all__ = ["DataWarning"]


class DataWarning(UserWarning):
    """The data are valid, but probably not what was intended.

    The message says what to do. If the data are as intended, silence the category with
    ``warnings.simplefilter("ignore", skrnn.exceptions.DataWarning)``.
    """
