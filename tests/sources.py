"""The modules of the package, each read and parsed once for all tests that look at them."""

import ast
from functools import cache
from pathlib import Path


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module, which must not be changed."""
    return ast.parse(path.read_text(encoding="utf-8"))
