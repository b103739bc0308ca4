"""How many examples Hypothesis draws."""

from typing import Any

from hypothesis import settings

#: As Hypothesis has it where nothing else is said, and the run does not want to be quick.
_USUAL = 100


def examples(n_examples: int, **options: Any) -> settings:
    """Return settings with so many examples, or in the quick run with a quarter of them, but a handful at least."""
    n_of_run = max(n_examples * settings.default.max_examples // _USUAL, 3)
    return settings(max_examples=min(n_of_run, n_examples), deadline=None, database=None, **options)
