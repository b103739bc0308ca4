"""A complete grid search over windows of a series, with skrnn and with PyTorch through skorch.

    python -m benchmarks.speed.searches contestant cell n_epochs

prints the seconds of one search in a separate process: start of the workers, all fits and the refit, but not the
imports of the process itself.
"""

import os
import statistics
import subprocess
import sys
import time
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline

from benchmarks.speed.problems import CELLS
from benchmarks.speed.rounds import ROOT
from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import make_mackey_glass

N_ROWS = 2000
STEPS_AHEAD = 6
N_FOLDS = 5
BATCH_SIZE = 32
N_EPOCHS = 10
WINDOWS, SIZES, LEARNING_RATES = (8, 16), (8, 16, 32), (0.001, 0.003, 0.01, 0.03)


def series() -> tuple[np.ndarray, np.ndarray]:
    """Return rows (n_rows, 1) of a chaotic series and the values six steps later, float32."""
    values = make_mackey_glass(N_ROWS + STEPS_AHEAD, random_state=0).astype(np.float32)
    return values[:-STEPS_AHEAD, np.newaxis], values[STEPS_AHEAD:]


def make_skrnn(cell: str, n_epochs: int) -> tuple[Pipeline, dict[str, Any]]:
    """Return the pipeline with skrnn, and the grid of its network."""
    regressor = RNNRegressor(
        cell=cell, batch_size=BATCH_SIZE, max_iter=n_epochs, n_iter_no_change=np.inf, random_state=0
    )
    grid = {"network__hidden_layer_sizes": SIZES, "network__learning_rate_init": LEARNING_RATES}
    return Pipeline([("windows", SlidingWindow(padding="edge")), ("network", regressor)]), grid


def make_skorch(cell: str, n_epochs: int) -> tuple[Pipeline, dict[str, Any]]:
    """Return the pipeline with skorch and the same network, and its grid."""
    from benchmarks.speed import skorch_network

    regressor = skorch_network.make_regressor(cell, n_epochs, BATCH_SIZE)
    grid = {"network__module__hidden_size": SIZES, "network__lr": LEARNING_RATES}
    steps = [("windows", SlidingWindow(padding="edge")), ("copies", skorch_network.make_copies())]
    return Pipeline([*steps, ("network", regressor)]), grid


PIPELINES = {"skrnn": make_skrnn, "skorch": make_skorch}


def search(contestant: str, cell: str, n_epochs: int) -> float:
    """Return the seconds of a search of 24 candidates by 5 folds with two workers."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = series()
    if contestant == "skorch":
        y = y[:, np.newaxis]  # as required by PyTorch's loss
    pipeline, grid = PIPELINES[contestant](cell, n_epochs)
    grid = {"windows__n_timesteps": WINDOWS, **grid}
    start = time.perf_counter()
    GridSearchCV(pipeline, grid, cv=TimeSeriesSplit(N_FOLDS), n_jobs=2, error_score="raise").fit(X, y)
    return time.perf_counter() - start


def _search_apart(contestant: str, cell: str, n_epochs: int) -> float:
    """Return the seconds of a search in a separate process; the refit has one thread, with which PyTorch is faster."""
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.speed.searches", contestant, cell, str(n_epochs)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(process.stdout)


def measure(*, quick: bool) -> list[dict[str, Any]]:
    """Return the mean seconds of both searches for each cell, in turn."""
    cells, n_epochs, n_rounds = (CELLS[:1], 1, 1) if quick else (CELLS, N_EPOCHS, 2)
    results = []
    for cell in cells:
        rounds = [{name: _search_apart(name, cell, n_epochs) for name in PIPELINES} for _ in range(n_rounds)]
        result = {"cell": cell, "n_epochs": n_epochs, "n_rounds": n_rounds}
        result |= {name: statistics.fmean(times[name] for times in rounds) for name in PIPELINES}
        result["ratio"] = statistics.fmean(times["skorch"] / times["skrnn"] for times in rounds)
        results.append(result)
        print(
            f"search  {cell:<5} {n_epochs} epochs  skrnn {result['skrnn']:.3g} s  skorch {result['skorch']:.3g} s"
            f"  ratio {result['ratio']:.3g}",
            flush=True,
        )
    return results


if __name__ == "__main__":
    print(search(sys.argv[1], sys.argv[2], int(sys.argv[3])))
