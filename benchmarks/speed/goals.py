"""The goals, each beside what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.speed.problems import CELLS, Problem
from benchmarks.speed.standings import Results, bare_ratio, geometric_mean, ratio, select, three_digits

MIN_MEAN_OVER_TORCH = {"rnn": 4.0, "gru": 3.0, "lstm": 1.7}
MIN_OVER_TORCH, MIN_OVER_JAX, MIN_OVER_TORCH_FLOAT64 = 1.1, 1.0, 2.0
MAX_OVER_FLOOR = {"rnn": 1.15, "gru": 1.3, "lstm": 1.3}
FLOOR_HIDDEN_SIZE = 64
MIN_OF_SEARCH, MAX_IMPORT_MS, MAX_SMALL_FIT_MS = 8.0, 60.0, 15.0
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


def _least(results: Results, peer: str) -> tuple[float, str]:
    """Return the least ratio to a peer, and where it is; of a library, also what the products alone would reach."""
    worst = min(results, key=lambda result: ratio(result, peer))
    where = _where(worst)
    if peer != "floor":
        where = f"{where[:-1]}; the products alone {three_digits(bare_ratio(worst, peer))})"
    return ratio(worst, peer), where


def of_steps(results: Results) -> Iterator[Goal]:
    """Yield the goals of a training step."""
    single = select(results, task="train", dtype="float32")
    for cell in CELLS:
        chosen = select(single, cell=cell)
        mean = geometric_mean([ratio(result, "torch") for result in chosen])
        of_one_thread = geometric_mean([result["ratios"]["torch-1"] for result in chosen])
        bare = geometric_mean([bare_ratio(result, "torch") for result in chosen])
        what = f"{cell}: PyTorch / skrnn, geometric mean over shapes"
        note = f" ({three_digits(of_one_thread)} of one thread; the products alone {three_digits(bare)})"
        yield at_least(what, mean, MIN_MEAN_OVER_TORCH[cell], note)
    for peer, name, wanted in (("torch", "PyTorch", MIN_OVER_TORCH), ("jax", "JAX", MIN_OVER_JAX)):
        least, where = _least(single, peer)
        yield at_least(f"{name} / skrnn, least of all cells and shapes", least, wanted, where)
    for cell in CELLS:
        large = [
            r for r in select(single, cell=cell) if Problem.of(*r["problem"]).shape.hidden_size >= FLOOR_HIDDEN_SIZE
        ]
        least, where = _least(large, "floor")
        what = f"{cell}: skrnn / the products alone, largest from {FLOOR_HIDDEN_SIZE} units up"
        yield at_most(what, 1 / least, MAX_OVER_FLOOR[cell], where)
    least, where = _least(select(results, task="train", dtype="float64"), "torch")
    yield at_least("PyTorch / skrnn in float64, least of all", least, MIN_OVER_TORCH_FLOAT64, where)


def of_searches(results: list[dict[str, Any]]) -> Iterator[Goal]:
    """Yield the goal of a grid search."""
    worst = min(results, key=lambda result: result["ratio"])
    yield at_least(
        "grid search: skorch / skrnn, least of all cells", worst["ratio"], MIN_OF_SEARCH, f" ({worst['cell']})"
    )


def of_startup(results: dict[str, Any]) -> Iterator[Goal]:
    """Yield the goals of import and small fit."""
    yield at_most("`import skrnn` after `import sklearn.linear_model`, ms", 1e3 * results["import"], MAX_IMPORT_MS)
    for name, fits in results["small_fits"].items():
        cell = max(fits, key=fits.__getitem__)
        what = f"fit of 100 rows, 10 epochs, {name}: ms, slowest cell"
        yield at_most(what, 1e3 * fits[cell], MAX_SMALL_FIT_MS, f" ({cell})")


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
