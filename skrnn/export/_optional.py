"""Imports of packages that skrnn does without, and that only its exports need."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needing(package: str, who: str, command: str = 'pip install "skrnn[export]"') -> Iterator[None]:
    """Let an import in the block that fails say who needs the package, and which command installs it."""
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"{who} needs {package}, which cannot be imported ({error}). Install it: {command}"
        ) from error
