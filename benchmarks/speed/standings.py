"""Summary of the times: the faster contestant of each library, and means and extremes of ratios."""

from typing import Any

import numpy as np

from benchmarks.speed.problems import Problem

#: The contestants of each peer, of which the faster one counts; "one" has one thread.
PEERS = {
    "torch": ("torch-1", "torch-2"),
    "torch, one": ("torch-1",),
    "jax": ("jax-1", "jax-all"),
    "floor": ("floor",),
}
#: Names in the tables.
NAMES = {"torch": "PyTorch", "jax": "JAX", "floor": "matrix products"}
Results = list[dict[str, Any]]


def better(result: dict[str, Any], peer: str) -> str:
    """Return the faster contestant of a peer."""
    return min(PEERS[peer], key=result["seconds"].__getitem__)


def ratio(result: dict[str, Any], peer: str, of: str = "skrnn") -> float:
    """Return the time of a peer relative to that of skrnn, or of one of its forms."""
    return result["ratios"][better(result, peer)] / result["ratios"][of]


def bare_ratio(result: dict[str, Any], peer: str) -> float:
    """Return the time of a peer relative to the matrix products alone, the best possible ratio."""
    return ratio(result, peer, "floor")


def select(results: Results, **wanted: str) -> Results:
    """Return the results for the given task, cell or dtype."""
    problems = [Problem.of(*result["problem"]) for result in results]
    return [
        result
        for result, problem in zip(results, problems, strict=True)
        if all(getattr(problem, name) == value for name, value in wanted.items())
    ]


def geometric_mean(ratios: list[float]) -> float:
    """Return the geometric mean."""
    return float(np.exp(np.mean(np.log(ratios))))


def three_digits(number: float) -> str:
    """Return a number with three significant digits, without exponent."""
    if number >= 999.5:
        return f"{float(f'{number:.3g}'):,.0f}"
    return f"{number:#.3g}".rstrip(".") if number >= 1e-3 else f"{number:.2g}"
