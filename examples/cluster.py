"""A grid search, and a fit on all data at once, on a Dask cluster: here of two processes on this machine.

For a cluster of several machines, start `dask scheduler` on one and `dask worker tcp://<scheduler>:8786` on the others,
each with skrnn installed, and pass the address of the scheduler to `Client`. Requires Dask: pip install ".[cluster]"
"""

import time

import joblib
import numpy as np
from distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV

from skrnn import RNNRegressor
from skrnn.datasets import make_adding_problem


def main(n_samples: int = 10_000) -> None:
    """Choose a cell by a search on some of the data, fit it on all, and compare with a fit on this machine alone."""
    X, y = make_adding_problem(n_samples, n_timesteps=10, random_state=0)
    few = slice(n_samples // 10)
    model = RNNRegressor((16,), solver="lbfgs", tol=0.05, random_state=0)
    search = GridSearchCV(model, {"cell": ["rnn", "gru", "lstm"]}, cv=3, n_jobs=-1)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster):
        with joblib.parallel_config("dask", scatter=[X[few], y[few]]):
            best = search.fit(X[few], y[few]).best_params_
        print(f"The search chose {best}.")
        model.set_params(**best)
        with joblib.parallel_config("dask"):
            spread = timed("two workers of a cluster", model.set_params(n_jobs=-1), X, y)
            predictions = spread.predict(X)
    alone = timed("this process alone", RNNRegressor(**{**model.get_params(), "n_jobs": 1}), X, y)
    print(f"The same network to the last bit: {np.array_equal(predictions, alone.predict(X))}")


def timed(where: str, model: RNNRegressor, X: np.ndarray, y: np.ndarray) -> RNNRegressor:
    """Fit the model, and print how long it took."""
    start = time.perf_counter()
    model.fit(X, y)
    print(f"{model.n_iter_} iterations in {time.perf_counter() - start:.1f} s on {where}")
    return model


if __name__ == "__main__":
    main()
