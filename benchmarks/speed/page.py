"""The Markdown page of the results."""

from collections.abc import Iterable
from typing import Any

from benchmarks.speed.goals import GOALS
from benchmarks.speed.problems import DTYPES, TASKS, Problem
from benchmarks.speed.standings import Results, better, ratio, select, three_digits

INTRODUCTION = """\
# Speed, measured

Written by `make bench`, which makes an environment of its own (`.venv-bench`, with PyTorch, skorch and JAX), takes half
an hour on two cores that should be idle, and writes this page, its figures and `benchmarks/speed/results.json`.
`make bench BENCH_OPTIONS=--quick` is a trial of two minutes, written to `build/bench/`. Times drift from run to run:
the ratios are what to read. This run: {machine}.

Contestants run in processes of their own and in turn, skrnn, floor, PyTorch, JAX, skrnn, and so on; a time is the
median over these rounds, a ratio the median of the ratios within rounds. A shape is *batch, timesteps, features, hidden
units*; the data are random numbers.

- **skrnn**: one thread. Training is the time of `RNNRegressor.fit` divided by its minibatches, 20 per epoch (5 of the
  largest shape), so that validation, shuffling, the loss curve and clipping count. `predict` gets the sequences of as
  many batches.
- **PyTorch**: `nn.RNN`, `nn.GRU`, `nn.LSTM`, eager, with a linear readout, `MSELoss` and Adam, `loss.item()` once per
  step. The batch is a tensor already: no shuffling, no data loader. With one thread and with two: the better one
  counts. It predicts in `inference_mode`, all at once or batch by batch: the better one counts.
- **JAX**: forward pass, gradient and Adam in one jitted function around `lax.scan`, with one thread and with as many as
  it likes, the better one. The time to compile a shape stands apart.
- **floor**: the matrix products of a step in NumPy, and nothing else: no activation, no readout, no solver.
"""

TITLES = {"train": "One training step", "predict": "Predicting a batch"}
FIGURES = {
    "steps": "![Times of PyTorch, JAX and the matrix products, by shape, over skrnn's](images/performance.png)",
    "growth": "![Time against samples, timesteps and batch, and memory against samples](images/growth.png)",
}
COMMITS = """\
## From commit to commit

The same steps are [asv](https://asv.readthedocs.io) benchmarks, `time_` and `peakmem_`, so that a regression shows:

```
pip install -e '.[bench]'
asv machine --yes --config benchmarks/asv.conf.json
asv continuous --config benchmarks/asv.conf.json main HEAD
asv run --config benchmarks/asv.conf.json --python=same --quick
```

The second command, once, describes the machine; the third compares two commits, each in an environment of its own; the
last tries all benchmarks once, with the skrnn
that is installed.
"""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def milliseconds(seconds: float) -> str:
    """Return a time in milliseconds."""
    return three_digits(1e3 * seconds)


def goals(results: dict[str, Any]) -> str:
    """Return the goals beside what was measured, and what was not met in bold."""
    met = {True: "yes", False: "**no**"}
    found = [goal for part, of_part in GOALS.items() if part in results for goal in of_part(results[part])]
    rows = [[goal.what, goal.wanted, goal.measured, met[goal.met]] for goal in found]
    note = (
        "Ratios of training steps are those of float32 unless it says otherwise; skrnn has one thread. *The products "
        "alone* are what the floor would reach, the matrix products in NumPy and nothing else: a goal beyond it is out "
        "of reach of any code around this BLAS, and one that is near to it leaves no time for anything else."
    )
    return f"## The goals\n\n{note}\n\n{table(['goal', 'wanted', 'measured', 'met'], rows)}"


def _step_row(result: dict[str, Any]) -> list[str]:
    """Return the row of a problem."""
    problem = Problem.of(*result["problem"])
    threads = {"torch-1": "1", "torch-2": "2", "jax-1": "1", "jax-all": "all"}
    seconds, best = result["seconds"], {peer: better(result, peer) for peer in ("torch", "jax")}
    times = [f"{milliseconds(seconds[name])} ({threads[name]})" for name in best.values()]
    ratios = [three_digits(ratio(result, "torch")), three_digits(ratio(result, "jax"))]
    return [
        problem.cell,
        str(problem.shape),
        milliseconds(seconds["skrnn"]),
        *times,
        milliseconds(seconds["floor"]),
        *(f"**{number}**" for number in ratios),
        three_digits(1 / ratio(result, "floor")),
        three_digits(result["compile_seconds"][best["jax"]]),
    ]


def steps(results: Results) -> str:
    """Return a table for each task and dtype."""
    head = ["cell", "shape", "skrnn, ms", "PyTorch, ms (threads)", "JAX, ms (threads)", "floor, ms"]
    head += ["PyTorch / skrnn", "JAX / skrnn", "skrnn / floor", "JAX compiles, s"]
    sections = [FIGURES["steps"]]
    for task in TASKS:
        for dtype in DTYPES:
            chosen = select(results, task=task, dtype=dtype)
            sections.append(f"## {TITLES[task]}, {dtype}\n\n{table(head, map(_step_row, chosen))}")
    return "\n\n".join(sections)


def searches(results: list[dict[str, Any]]) -> str:
    """Return the table of grid searches."""
    first = results[0]
    text = f"""\
## A grid search, the whole way

`GridSearchCV` of 24 candidates (two windows, three sizes, four learning rates) by five folds in order of time, over a
pipeline with `SlidingWindow` on 2,000 rows, {first["n_epochs"]} epochs in batches of 32, `n_jobs=2`, and the same
search with skorch around PyTorch. The start of the workers, which import what they need, counts. Mean of
{first["n_rounds"]} searches each, in turn."""
    rows = [[r["cell"], *(three_digits(r[name]) for name in ("skrnn", "skorch", "ratio"))] for r in results]
    return f"{text}\n\n{table(['cell', 'skrnn, s', 'skorch, s', 'skorch / skrnn'], rows)}"


def startup(results: dict[str, Any]) -> str:
    """Return import and small fits."""
    text = f"""\
## Before the first step

`import skrnn` takes {milliseconds(results["import"])} ms after `import sklearn.linear_model`. A fit of 100 sequences
of ten timesteps, one feature, float64, for ten epochs, in milliseconds:"""
    cells = list(next(iter(results["small_fits"].values())))
    rows = [[name, *(milliseconds(fits[cell]) for cell in cells)] for name, fits in results["small_fits"].items()]
    return f"{text}\n\n{table(['network', *cells], rows)}"


def two_cores(results: list[dict[str, Any]]) -> str:
    """Return the table of full-batch fits on one core and two."""
    text = """\
## Two cores

`solver="lbfgs"` with `n_jobs=1` and `n_jobs=2`, float32, the same number of iterations; all the data are one batch of
the shape, or several."""
    rows = []
    for result in results:
        problem = Problem.of(*result["problem"])
        times = milliseconds(result["one"]), milliseconds(result["two"]), f"**{three_digits(result['ratio'])}**"
        same = "yes" if result["same"] else "**no**"
        rows.append([problem.cell, str(problem.shape), str(result["n_samples"]), *times, same])
    head = ["cell", "shape", "sequences", "one core, ms", "two, ms", "one / two", "the same bits"]
    return f"{text}\n\n{table(head, rows)}"


def growth(results: dict[str, Any]) -> str:
    """Return the tables of time and memory."""
    text = f"""\
## Growth

A simple network of 32 units, float32, one feature: the time of an epoch while one size grows and the others stay. It is
the difference of two fits, so that what a fit does once does not count; sizes begin where what every timestep costs
anyway no longer counts.

{FIGURES["growth"]}"""
    rows = []
    for name, times in results["times"].items():
        points = "; ".join(f"{n:,}: {milliseconds(s)}" for n, s in zip(times["sizes"], times["seconds"], strict=True))
        rows.append([name, points, f"**{three_digits(times['slope'])}**"])
    of_time = table(["grows", "size: ms per epoch", "log-log slope"], rows)
    rows = [
        [f"{row['n_samples']:,}", *(three_digits(row[of] / 2**20) for of in ("data", "fit", "predict"))]
        for row in results["memory"]
    ]
    of_memory = table(["samples", "data, MiB", "fit, MiB above", "predict, MiB above"], rows)
    note = "The most memory that is allocated at once, above the data, sequences of ten timesteps:"
    return "\n\n".join([text, of_time, note, of_memory])


PARTS = {"steps": steps, "searches": searches, "startup": startup, "two_cores": two_cores, "growth": growth}


def write(results: dict[str, Any]) -> str:
    """Return the page of those parts that there are."""
    parts = [write_part(results[name]) for name, write_part in PARTS.items() if name in results]
    return "\n\n".join([INTRODUCTION.format(machine=results["machine"]).strip(), goals(results), *parts, COMMITS])
