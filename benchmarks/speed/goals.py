"""The goals, each beside what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.speed.problems import CELLS, Problem
from benchmarks.speed.standings import Results, bare_ratio, geometric_mean, ratio, select, three_digits
from benchmarks.speed.startup import DEFAULT_NETWORK, SMALL_NETWORK

MIN_MEAN_OVER_TORCH = {"rnn": 5.0, "gru": 4.0, "lstm": 2.5}
MIN_OVER_TORCH, MIN_OVER_TORCH_FLOAT64, MIN_OVER_JAX = 1.3, 1.5, 1.5
MIN_OF_TWO_THREADS, MIN_OF_PREDICTIONS = 1.1, 1.1
MAX_OVER_FLOOR, FLOOR_HIDDEN_SIZE = 1.25, 64
MIN_OF_SEARCH = {"rnn": 12.0, "gru": 10.0, "lstm": 8.0}
MAX_IMPORT_MS, MAX_FIRST_FIT_MS = 60.0, 300.0
MAX_SMALL_FIT_MS = {SMALL_NETWORK: 15.0, DEFAULT_NETWORK: 40.0}
MIN_OF_TWO_CORES, MIN_OF_SMALL_BATCH = 1.6, 0.95
MAX_SLOPE_ERROR, MAX_MEMORY_GROWTH = 0.1, 1.1


@dataclass(frozen=True)
class Goal:
    """What was wanted, what was measured, and whether that is enough."""

    what: str
    wanted: str
    measured: str
    met: bool


def at_least(what: str, measured: float, wanted: float, note: str = "") -> Goal:
    """Return the goal of a number that is not below another."""
    return Goal(what, f"at least {wanted:g}", three_digits(measured) + note, measured >= wanted)


def at_most(what: str, measured: float, wanted: float, note: str = "") -> Goal:
    """Return the goal of a number that is not above another."""
    return Goal(what, f"at most {wanted:g}", three_digits(measured) + note, measured <= wanted)


def _where(result: dict[str, Any]) -> str:
    """Return the problem of an extreme, as a note."""
    problem = Problem.of(*result["problem"])
    return f" ({problem.cell} {problem.shape})"


def _least(results: Results, peer: str, of: str = "skrnn") -> tuple[float, str]:
    """Return the least ratio to a peer, and where it is; of a library, also what the products alone would reach."""
    worst = min(results, key=lambda result: ratio(result, peer, of))
    where = _where(worst)
    if peer != "floor":
        where = f"{where[:-1]}; the products alone {three_digits(bare_ratio(worst, peer))})"
    return ratio(worst, peer, of), where


def of_steps(results: Results) -> Iterator[Goal]:
    """Yield the goals of training steps and predictions."""
    double, single = (select(results, task="train", dtype=dtype) for dtype in ("float64", "float32"))
    for cell in CELLS:
        chosen = select(single, cell=cell)
        mean = geometric_mean([ratio(result, "torch, one") for result in chosen])
        bare = geometric_mean([bare_ratio(result, "torch, one") for result in chosen])
        what = f"{cell}: PyTorch / skrnn, one thread each, geometric mean over shapes"
        yield at_least(what, mean, MIN_MEAN_OVER_TORCH[cell], f" (the products alone {three_digits(bare)})")
    for name, chosen, peer, wanted in (
        ("PyTorch / skrnn, one thread each", single, "torch, one", MIN_OVER_TORCH),
        ("PyTorch / skrnn, one thread each, float64", double, "torch, one", MIN_OVER_TORCH_FLOAT64),
        ("JAX / skrnn", single, "jax", MIN_OVER_JAX),
    ):
        least, where = _least(chosen, peer)
        yield at_least(f"{name}, least of all cells and shapes", least, wanted, where)
    large = [r for r in single if Problem.of(*r["problem"]).shape.hidden_size >= FLOOR_HIDDEN_SIZE]
    least, where = _least(large, "floor")
    yield at_most(
        f"skrnn / the products alone, largest from {FLOOR_HIDDEN_SIZE} units up", 1 / least, MAX_OVER_FLOOR, where
    )
    if "skrnn-2" in single[0]["seconds"]:
        least, where = _least(single, "torch", "skrnn-2")
        yield at_least("PyTorch / skrnn with `n_jobs=2`, least", least, MIN_OF_TWO_THREADS, where)
        predictions = select(results, task="predict", dtype="float32")
        least, where = _least(predictions, "torch", "skrnn-2")
        yield at_least("predictions: PyTorch / skrnn with `n_jobs=2`, least", least, MIN_OF_PREDICTIONS, where)


def of_searches(results: list[dict[str, Any]]) -> Iterator[Goal]:
    """Yield the goals of grid searches."""
    for result in results:
        cell = result["cell"]
        yield at_least(f"grid search, {cell}: skorch / skrnn", result["ratio"], MIN_OF_SEARCH[cell])


def of_startup(results: dict[str, Any]) -> Iterator[Goal]:
    """Yield the goals of import, first fit and small fits."""
    yield at_most("`import skrnn` after `import sklearn.linear_model`, ms", 1e3 * results["import"], MAX_IMPORT_MS)
    if "first_fit" in results:
        what = "first fit of a process / second, compiled code in the cache: ms longer"
        yield at_most(what, 1e3 * results["first_fit"], MAX_FIRST_FIT_MS)
    for name, fits in results["small_fits"].items():
        cell = max(fits, key=fits.__getitem__)
        what = f"fit of 100 rows, 10 epochs, {name}: ms, slowest cell"
        yield at_most(what, 1e3 * fits[cell], MAX_SMALL_FIT_MS[name], f" ({cell})")


def of_two_cores(results: list[dict[str, Any]]) -> Iterator[Goal]:
    """Yield the goals of a full-batch objective on two cores."""
    for title, is_large, wanted in (("large", True, MIN_OF_TWO_CORES), ("small", False, MIN_OF_SMALL_BATCH)):
        chosen = [result for result in results if result["large"] is is_large]
        worst = min(chosen, key=lambda result: result["ratio"])
        where = f"{_where(worst)[:-1]}, {worst['n_samples']} sequences)"
        yield at_least(f"one core / two, L-BFGS, least of the {title} shapes", worst["ratio"], wanted, where)
    n_same = sum(result["same"] for result in results)
    yield Goal("the same bits on one core and two", "always", f"{n_same} of {len(results)}", n_same == len(results))


def of_growth(results: dict[str, Any]) -> Iterator[Goal]:
    """Yield the goals of time and memory."""
    for name, times in results["times"].items():
        met = abs(times["slope"] - 1.0) <= MAX_SLOPE_ERROR
        yield Goal(f"time against {name}, log-log slope", f"1.0 ± {MAX_SLOPE_ERROR}", three_digits(times["slope"]), met)
    first, last = results["memory"][0], results["memory"][-1]
    for task in ("fit", "predict"):
        growth = last[task] / first[task]
        a_sample = (last[task] - first[task]) / (last["n_samples"] - first["n_samples"])
        what = f"peak memory of `{task}` above the data, {last['n_samples']:,} samples / {first['n_samples']:,}"
        yield at_most(what, growth, MAX_MEMORY_GROWTH, f" ({three_digits(a_sample)} bytes per sample)")


#: The goals of each part of the results.
GOALS = {
    "steps": of_steps,
    "searches": of_searches,
    "startup": of_startup,
    "two_cores": of_two_cores,
    "growth": of_growth,
}
