"""Helpers of the cluster tests."""

from contextlib import contextmanager

import numpy as np

from skrnn import RNNRegressor


@contextmanager
def two_workers(processes=True):
    """Yield a client of a cluster of two worker processes, which are restarted if they end."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=processes, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client


def make_task(n_samples=23, n_timesteps=6, n_features=2):
    """Return ragged sequences, and targets that depend on their ends and beginnings."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, n_timesteps + 1, size=n_samples)
    X = [rng.normal(size=(length, n_features)) for length in lengths]
    return X, np.array([x[-1, 0] * x[0, 1] for x in X])


def make_regressor(solver="lbfgs", **parameters):
    return RNNRegressor((4,), solver=solver, cell="gru", tol=1e-12, max_iter=4, random_state=0, **parameters)


def assert_same_fit(model, expected):
    assert model.loss_curve_ == expected.loss_curve_
    assert model.validation_loss_curve_ == expected.validation_loss_curve_
    for name in ("input_weights_", "recurrent_weights_", "biases_"):
        for array, of_expected in zip(getattr(model, name), getattr(expected, name), strict=True):
            np.testing.assert_array_equal(array, of_expected)
    np.testing.assert_array_equal(model.readout_weights_, expected.readout_weights_)
