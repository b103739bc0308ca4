"""skrnn as called by users: complete fits, divided by their number of steps, and `predict` on many batches at once."""

import sys
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks.speed.contestants.timing import timed
from benchmarks.speed.problems import Prepared, Problem
from skrnn import RNNRegressor


def make_regressor(problem: Problem, n_epochs: int) -> RNNRegressor:
    """Return a regressor that trains for all epochs, with as many threads as the worker is asked for."""
    return RNNRegressor(
        (problem.shape.hidden_size,),
        cell=problem.cell,
        batch_size=problem.shape.batch_size,
        max_iter=n_epochs,
        n_iter_no_change=np.inf,
        random_state=0,
        n_jobs=int(sys.argv[2]),
    )


def prepare(problem: Problem) -> Prepared:
    """Return a runner that fits, or predicts with a network fitted for one epoch."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    n_batches = problem.shape.n_batches
    X, y = problem.draw(n_batches)
    if problem.task == "predict":
        regressor = make_regressor(problem, 1).fit(X[: problem.shape.batch_size], y[: problem.shape.batch_size])
        return Prepared(timed(lambda: regressor.predict(X), n_batches))

    def fit(n_steps: int) -> float:
        n_epochs = max(1, round(n_steps / n_batches))
        regressor = make_regressor(problem, n_epochs)
        start = time.perf_counter()
        regressor.fit(X, y)
        return (time.perf_counter() - start) / (n_epochs * n_batches)

    return Prepared(fit)
