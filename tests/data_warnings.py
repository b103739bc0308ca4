"""Helpers for tests of DataWarning."""

import warnings

from sklearn.exceptions import ConvergenceWarning

from skrnn.exceptions import DataWarning


def data_warnings(call):
    """Return the messages of the DataWarnings of a call, all of which point to the file of `call`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("always", DataWarning)
        call()
    assert {warning.filename for warning in caught} <= {call.__code__.co_filename}
    return [str(warning.message) for warning in caught]


def assert_warned_once(call, *parts):
    """Check that a call has one DataWarning, with these parts in its message, and that it can be silenced."""
    (message,) = data_warnings(call)
    for part in parts:
        assert part in message
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", DataWarning)
        call()
