"""The Markdown pages of the results: performance, and the goals."""

from collections.abc import Iterable, Iterator
from textwrap import fill
from typing import Any

from benchmarks.speed.goals import GOALS
from benchmarks.speed.problems import CELLS, DTYPES, SHAPES, TASKS, Problem
from benchmarks.speed.standings import Results, better, geometric_mean, ratio, select, three_digits

METHOD = """\
## How it is measured

`make bench` writes this page, its figures and a file in `benchmarks/speed/results/`. It makes an environment of its own
(`.venv-bench`, with PyTorch, skorch and JAX) and takes half an hour on two cores, which should be idle;
`make bench BENCH_OPTIONS=--quick` is a trial of two minutes, written to `build/bench/`. Times vary from run to run, so
read the ratios. This run: {machine}.

All contestants run in processes of their own and take turns; a time is the median over these rounds, a ratio the median
of the ratios within rounds. A shape is *batch, timesteps, features, hidden units*; the data are random numbers.

- **skrnn**: one thread, with compiled cells if Numba is among the versions above; in further columns, if measured,
  cells in NumPy (`SKRNN_NUMBA=0`) and two threads (`n_jobs=2`). Training is the time of `RNNRegressor.fit` divided by
  the number of minibatches, 20 per epoch (5 for the largest shape), which includes validation of the input, shuffling,
  the loss curve and clipping. `predict` gets the sequences of as many batches.
- **PyTorch**: `nn.RNN`, `nn.GRU`, `nn.LSTM`, eager, with a linear readout, `MSELoss` and Adam, `loss.item()` once per
  step. The batch is a tensor already: no shuffling, no data loader. With one thread and with two, of which the faster
  counts. It predicts in `inference_mode`, all at once or batch by batch, of which the faster counts.
- **JAX**: forward pass, gradient and Adam in one jitted function around `lax.scan`, with one thread and with as many as
  it likes, of which the faster counts. The time to compile a shape is listed separately.
- **products**: the matrix products of a step in NumPy alone, without activations, readout and solver.
"""
GOALS_PAGE = """\
# Goals for speed

Written by `make bench`, with [Performance](../performance.md), from the same run, with compiled cells. Ratios are those
of float32 unless stated otherwise. skrnn has one thread unless `n_jobs` is mentioned; of the other library's numbers of
threads, the faster counts, unless one thread is mentioned. *The products alone* is the ratio that the matrix products
in NumPy would reach without anything else: no code that uses this BLAS can reach a goal beyond it, and a goal close to
it leaves no time for anything else. [Design for speed](performance.md) discusses the missed goals.

"""

#: Columns of other forms of skrnn, if they were measured.
FORMS = {"skrnn-numpy": "NumPy cells, ms", "skrnn-2": "2 threads, ms"}
TITLES = {"train": "One training step", "predict": "Predicting a batch"}
FIGURES = {
    "steps": "![Times of PyTorch, JAX and the matrix products alone, divided by skrnn's](images/performance.png)",
    "growth": "![Time against samples, timesteps and batch, and memory against samples](images/growth.png)",
}
COMMITS = """\
## Regressions

The same steps are [asv](https://asv.readthedocs.io) benchmarks, `time_` and `peakmem_`, which detect regressions:

```
pip install -e '.[bench]'
asv machine --yes --config benchmarks/asv.conf.json
asv continuous --config benchmarks/asv.conf.json main HEAD
asv run --config benchmarks/asv.conf.json --python=same --quick
```

The second command, needed once, describes the machine; the third compares two commits, each in an environment of its
own; the last runs every benchmark once, with the installed version of skrnn.
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
    """Return the page of goals and measurements; goals that were not met are bold."""
    met = {True: "yes", False: "**no**"}
    found = [goal for part, of_part in GOALS.items() if part in results for goal in of_part(results[part])]
    rows = [[goal.what, goal.wanted, goal.measured, met[goal.met]] for goal in found]
    return GOALS_PAGE + table(["goal", "wanted", "measured", "met"], rows) + "\n"


def summary(results: dict[str, Any]) -> str:
    """Return the summary at the top of the page, in three sentences."""
    steps, searches = select(results["steps"], dtype="float32"), [result["ratio"] for result in results["searches"]]
    train, predict = (
        {cell: [ratio(r, "torch") for r in select(steps, task=task, cell=cell)] for cell in CELLS} for task in TASKS
    )
    shapes = [number for of_cell in train.values() for number in of_cell]
    text = (
        f"A training step of PyTorch takes {_means(train)} times as long as one of skrnn, as a geometric mean over "
        f"{len(SHAPES)} shapes, on the processor named [below](#how-it-is-measured); single shapes range from "
        f"{min(shapes):.2g} to {max(shapes):.2g}, and the smaller the network, the larger the ratio. A "
        f"prediction of PyTorch takes {_means(predict)} times as long (below 1, "
        f"PyTorch is faster). A grid search with skorch takes {min(searches):.2g} to {max(searches):.2g} times as long."
    )
    return fill(text, 120)


def processors(results: dict[str, Any], others: Iterable[dict[str, Any]]) -> str:
    """Return the table of geometric means for each kind of processor, this one first."""
    rows = []
    for run in (results, *(other for other in others if "steps" in other)):
        is_compiled = "skrnn-numpy" in run["steps"][0]["seconds"]
        forms = {"compiled": "skrnn", "NumPy": "skrnn-numpy"} if is_compiled else {"NumPy": "skrnn"}
        rows += [[run["kernels"], title, *_means_of_tables(run["steps"], form)] for title, form in forms.items()]
    text = """\
PyTorch / skrnn with one thread each, geometric means over the shapes, for rnn / gru / lstm. The kind of processor is
named by OpenBLAS's kernels: Haswell for AVX2, SkylakeX for AVX-512. Each row is from the last run on such a processor,
not always of the same version."""
    columns = [f"{task}, {dtype}" for task in ("step", "prediction") for dtype in DTYPES]
    return f"## Processors\n\n{text}\n\n{table(['processor', 'cells', *columns], rows)}"


def _means_of_tables(results: Results, form: str) -> Iterator[str]:
    """Yield the geometric means of the cells for each task and dtype, in one form of skrnn and with one thread."""
    for task in TASKS:
        for dtype in DTYPES:
            of_cells = [select(results, task=task, dtype=dtype, cell=cell) for cell in CELLS]
            means = [geometric_mean([ratio(r, "torch, one", form) for r in of_cell]) for of_cell in of_cells]
            yield " / ".join(map(three_digits, means))


def _means(ratios: dict[str, list[float]]) -> str:
    """Return the geometric mean for each cell, with the cell's name."""
    *others, last = (f"{geometric_mean(of_cell):#.2g} ({cell})" for cell, of_cell in ratios.items())
    return f"{', '.join(others)} and {last}"


def _step_row(result: dict[str, Any], others: Iterable[str]) -> list[str]:
    """Return the row of a problem, with the times of other forms of skrnn."""
    problem = Problem.of(*result["problem"])
    threads = {"torch-1": "1", "torch-2": "2", "jax-1": "1", "jax-all": "all"}
    seconds, best = result["seconds"], {peer: better(result, peer) for peer in ("torch", "jax")}
    times = [f"{milliseconds(seconds[name])} ({threads[name]})" for name in best.values()]
    ratios = [three_digits(ratio(result, "torch")), three_digits(ratio(result, "jax"))]
    return [
        problem.cell,
        str(problem.shape),
        *(milliseconds(seconds[name]) for name in ("skrnn", *others)),
        *times,
        *(f"**{number}**" for number in ratios),
        three_digits(1 / ratio(result, "floor")),
        three_digits(result["compile_seconds"][best["jax"]]),
    ]


def steps(results: Results) -> str:
    """Return a table for each task and dtype."""
    others = [name for name in FORMS if name in results[0]["seconds"]]
    head = ["cell", "shape", "skrnn, ms", *map(FORMS.get, others), "PyTorch, ms (threads)", "JAX, ms (threads)"]
    head += ["PyTorch / skrnn", "JAX / skrnn", "skrnn / products", "JAX compiles, s"]
    sections = []
    for task in TASKS:
        for dtype in DTYPES:
            chosen = select(results, task=task, dtype=dtype)
            sections.append(f"## {TITLES[task]}, {dtype}\n\n{table(head, (_step_row(r, others) for r in chosen))}")
    return "\n\n".join(sections)


def searches(results: list[dict[str, Any]]) -> str:
    """Return the table of grid searches."""
    first = results[0]
    text = f"""\
## Grid search

`GridSearchCV` of 24 candidates (two windows, three sizes, four learning rates) with five folds of `TimeSeriesSplit`,
over a pipeline with `SlidingWindow` on 2,000 rows, {first["n_epochs"]} epochs in batches of 32, `n_jobs=2`; and the
same search with skorch and PyTorch. Starting the workers, which import what they need, is included. Mean of
{first["n_rounds"]} searches each, taking turns."""
    rows = [[r["cell"], *(three_digits(r[name]) for name in ("skrnn", "skorch", "ratio"))] for r in results]
    return f"{text}\n\n{table(['cell', 'skrnn, s', 'skorch, s', 'skorch / skrnn'], rows)}"


def startup(results: dict[str, Any]) -> str:
    """Return import and small fits."""
    text = f"""\
## Import and small fits

`import skrnn` takes {milliseconds(results["import"])} ms after `import sklearn.linear_model`. A fit of 100 sequences
of ten timesteps, one feature, float64, for ten epochs, in milliseconds:"""
    cells = list(next(iter(results["small_fits"].values())))
    rows = [[name, *(milliseconds(fits[cell]) for cell in cells)] for name, fits in results["small_fits"].items()]
    return f"{text}\n\n{table(['network', *cells], rows)}"


def two_cores(results: list[dict[str, Any]]) -> str:
    """Return the table of full-batch fits on one core and two."""
    text = """\
## Two cores

`solver="lbfgs"` with `n_jobs=1` and `n_jobs=2`, float32, with the same number of iterations; the data are one batch of
the shape, or several."""
    rows = []
    for result in results:
        problem = Problem.of(*result["problem"])
        times = milliseconds(result["one"]), milliseconds(result["two"]), f"**{three_digits(result['ratio'])}**"
        same = "yes" if result["same"] else "**no**"
        rows.append([problem.cell, str(problem.shape), str(result["n_samples"]), *times, same])
    head = ["cell", "shape", "sequences", "one core, ms", "two, ms", "one / two", "identical bits"]
    return f"{text}\n\n{table(head, rows)}"


def growth(results: dict[str, Any]) -> str:
    """Return the tables of time and memory."""
    text = f"""\
## Growth

A simple network of 32 units, float32, one feature: the time of an epoch while one size grows and the others stay the
same. It is the difference of two fits, so that the part of a fit that happens only once does not count; sizes begin
where the fixed cost of a timestep is negligible.

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
    note = "Peak memory in addition to the data, for sequences of ten timesteps:"
    return "\n\n".join([text, of_time, note, of_memory])


PARTS = {"steps": steps, "searches": searches, "startup": startup, "two_cores": two_cores, "growth": growth}


def write(results: dict[str, Any], others: Iterable[dict[str, Any]]) -> str:
    """Return the page of performance, of those parts that there are, compared with runs on other processors."""
    parts = [write_part(results[name]) for name, write_part in PARTS.items() if name in results]
    first = (
        [FIGURES["steps"], summary(results), processors(results, others)]
        if {"steps", "searches"} <= set(results)
        else []
    )
    method = METHOD.format(machine=results["machine"]).strip()
    return "\n\n".join(["# Performance", *first, *parts, method, COMMITS])
