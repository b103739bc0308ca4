"""The number of Hypothesis examples."""

from typing import Any

from hypothesis import settings

#: The default of Hypothesis, unless the run is quick.
_USUAL = 100


def examples(n_examples: int, *, quick: int | None = None, **options: Any) -> settings:
    """Return settings with this number of examples, in the quick run with `quick`, or a quarter, but at least three."""
    n_of_run = n_examples
    if settings.default.max_examples < _USUAL:
        n_of_run = quick or max(n_examples * settings.default.max_examples // _USUAL, min(3, n_examples))
    return settings(max_examples=n_of_run, deadline=None, database=None, **options)
