"""Data and networks of the benchmarks: three shapes of `benchmarks/speed`, from overhead to matrix products."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNRegressor

CELLS = ["rnn", "gru", "lstm"]
#: Batch, timesteps, features, hidden units.
SHAPES = {"32,10,1,16": (32, 10, 1, 16), "64,24,4,64": (64, 24, 4, 64), "64,50,8,128": (64, 50, 8, 128)}
DTYPES = ["float32", "float64"]
N_BATCHES = 20


def draw(shape: str, dtype: str, n_batches: int = N_BATCHES) -> tuple[np.ndarray, np.ndarray]:
    """Return sequences, (n_samples, n_timesteps, n_features), and a target for each."""
    batch_size, n_timesteps, n_features, _ = SHAPES[shape]
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_batches * batch_size, n_timesteps, n_features), dtype=dtype)
    return X, rng.standard_normal(len(X), dtype=dtype)


def make_regressor(cell: str, shape: str, **parameters: object) -> RNNRegressor:
    """Return a regressor with batches of the shape, without convergence warnings."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    batch_size, _, _, hidden_size = SHAPES[shape]
    settings = {"batch_size": batch_size, "max_iter": 1, "random_state": 0, **parameters}
    return RNNRegressor((hidden_size,), cell=cell, **settings)
