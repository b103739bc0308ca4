"""A full-batch solver on one core and on two: the speed-up, and whether the results are bitwise identical."""

import time
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks.speed.problems import CELLS, SHAPES, Problem, Shape
from skrnn import RNNRegressor

LARGEST = SHAPES[-3:]
#: Number of batches in the data of a large shape.
N_BATCHES = (1, 4)
MAX_SECONDS = 6.0


def fit(problem: Problem, X: np.ndarray, y: np.ndarray, n_jobs: int, n_iterations: int) -> tuple[float, np.ndarray]:
    """Return the seconds of a fit with L-BFGS, and the fitted parameters."""
    regressor = RNNRegressor(
        (problem.shape.hidden_size,),
        cell=problem.cell,
        solver="lbfgs",
        max_iter=n_iterations,
        tol=0.0,
        random_state=0,
        n_jobs=n_jobs,
    )
    start = time.perf_counter()
    regressor.fit(X, y)
    seconds = time.perf_counter() - start
    parameters = [*regressor.input_weights_, *regressor.recurrent_weights_, *regressor.biases_]
    parameters += [regressor.readout_weights_, regressor.readout_bias_]
    return seconds, np.concatenate([array.ravel() for array in parameters])


def compare(problem: Problem, n_batches: int, n_rounds: int) -> dict[str, Any]:
    """Return median times of alternating fits on one core and on two, and whether all results are the same."""
    X, y = problem.draw(n_batches)
    fit(problem, X, y, 2, 1)
    seconds_of_one = fit(problem, X, y, 1, 1)[0]
    n_iterations = int(np.clip(0.3 / seconds_of_one, 1, 50))
    rounds, same = [], True
    start = time.perf_counter()
    while len(rounds) < n_rounds and (len(rounds) < 2 or time.perf_counter() - start < MAX_SECONDS):
        (one, of_one), (two, of_two) = (fit(problem, X, y, n_jobs, n_iterations) for n_jobs in (1, 2))
        rounds.append((one, two, one / two))
        same = same and np.array_equal(of_one, of_two)
    one, two, ratio = np.median(rounds, axis=0).tolist()
    return {
        "problem": problem,
        "n_samples": len(X),
        "one": one,
        "two": two,
        "ratio": ratio,
        "same": same,
        "large": problem.shape in LARGEST,
    }


def cases(*, quick: bool) -> list[tuple[str, Shape, int]]:
    """Return cells, shapes, and numbers of batches: one, for the largest shapes also several."""
    if quick:
        return [("rnn", SHAPES[0], 1), ("rnn", LARGEST[0], 1), ("lstm", LARGEST[0], 4)]
    large = [(cell, shape, n_batches) for cell in CELLS for shape in LARGEST for n_batches in N_BATCHES]
    return large + [(cell, shape, 1) for cell in CELLS for shape in SHAPES[:-3]]


def measure(*, quick: bool) -> list[dict[str, Any]]:
    """Return the results of each case, in float32."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    results = []
    for cell, shape, n_batches in cases(quick=quick):
        result = compare(Problem("lbfgs", cell, shape, "float32"), n_batches, 3 if quick else 7)
        results.append(result)
        print(
            f"two cores  {cell:<5}{shape!s:<15} {result['n_samples']:>5} sequences  {1e3 * result['one']:.3g} ms"
            f" -> {1e3 * result['two']:.3g} ms  {result['ratio']:.2f}  same: {result['same']}",
            flush=True,
        )
    return results
