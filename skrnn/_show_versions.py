"""What is installed, and which form of the cells is in use: the first lines of a report about a problem."""

from importlib.metadata import version

import sklearn

from skrnn.cells._compiled import why_not_compiled


def show_versions() -> None:
    """Print the version of skrnn, the form of its cells, and what `sklearn.show_versions` prints.

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
