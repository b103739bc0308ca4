"""Versions and form of the cells, for bug reports."""

from importlib.metadata import version

import sklearn

from skrnn.cells._compiled import why_not_compiled


def show_versions() -> None:
    """Print the version of skrnn, the form of its cells, and the output of `sklearn.show_versions`.

    Examples
    --------
    >>> import skrnn
    >>> skrnn.show_versions()  # doctest: +ELLIPSIS
    skrnn: ...
    cells: ...
    System:
        python: ...
    """
    reason = why_not_compiled()
    print("skrnn:", version("skrnn"))
    print("cells:", f"compiled by Numba {version('numba')}" if reason is None else f"NumPy ({reason})")
    sklearn.show_versions()
