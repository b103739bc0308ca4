"""The number of Hypothesis examples."""

from typing import Any

from hypothesis import settings

#: The default of Hypothesis, unless the run is quick.
_USUAL = 100


def examples(n_examples: int, **options: Any) -> settings:
    """Return settings with this number of examples, or in the quick run a quarter of it, but at least a few."""
    n_of_run = max(n_examples * settings.default.max_examples // _USUAL, 3)
    return settings(max_examples=min(n_of_run, n_examples), deadline=None, database=None, **options)
