"""Tests of forecasts of networks that predict at each timestep."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import RNNRegressor
from skrnn.forecasting import backtest, forecast, forecast_interval, to_supervised


def waves(n_sequences=4, n_timesteps=30, n_series=1):
    """Return noisy waves, (n_sequences, n_timesteps, n_series)."""
    rng = np.random.default_rng(0)
    phase = np.arange(n_sequences)[:, np.newaxis, np.newaxis]
    t = np.arange(n_timesteps)[:, np.newaxis]
    return np.sin(phase + t / (3.0 + np.arange(n_series))) + 0.05 * rng.normal(
        size=(n_sequences, n_timesteps, n_series)
    )


def fitted(X, n_series=1, n_at_once=1, **options):
    """Return a network that was fitted to predict the first columns of the next timesteps."""
    n_kept = X.shape[1] - n_at_once
    y = np.concatenate([X[:, k : k + n_kept, :n_series] for k in range(1, n_at_once + 1)], axis=2)
    options = {"solver": "lbfgs", "tol": 0.1, "random_state": 0, **options}
    return RNNRegressor((4,), return_sequences=True, **options).fit(X[:, :n_kept], y[..., 0] if y.shape[2] == 1 else y)


def naive(model, sequence, n_steps, exog=None):
    """Return forecasts (n_steps, n_series) from predictions of the whole sequence, again for each block."""
    rows, n_exog = sequence, 0 if exog is None else exog.shape[1]
    n_series = sequence.shape[1] - n_exog
    path = np.empty((0, n_series))
    while len(path) < n_steps:
        outputs = model.predict(rows[np.newaxis])[0]
        block = outputs[~np.isnan(outputs.reshape(len(outputs), -1)).any(axis=1)][-1].reshape(-1, n_series)
        ahead = np.zeros((len(block), n_exog))
        if n_exog:
            known = exog[len(path) : len(path) + len(block)]
            ahead[: len(known)] = known
        path = np.concatenate([path, block])
        rows = np.concatenate([rows, np.column_stack([block, ahead])])
    return path[:n_steps]


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize(("n_series", "n_exog", "n_at_once"), [(1, 0, 1), (2, 0, 1), (1, 2, 1), (1, 0, 3), (2, 1, 2)])
def test_stream_equals_naive_recursion(cell, n_series, n_exog, n_at_once):
    X = waves(n_series=n_series + n_exog)
    model = fitted(X, n_series, n_at_once, cell=cell)
    ahead = X[0, :8, n_series:] if n_exog else None
    predictions = forecast(model, X[1], 9, exog=ahead)
    expected = naive(model, X[1], 9, ahead)
    np.testing.assert_allclose(predictions, expected[:, 0] if n_series == 1 else expected, rtol=1e-12, atol=1e-12)


def test_one_series_may_be_a_vector_or_a_pandas_series():
    X = waves()
    model = fitted(X)
    expected = forecast(model, X[1], 4)
    np.testing.assert_array_equal(forecast(model, X[1, :, 0], 4), expected)
    series = pd.Series(X[1, :, 0], index=pd.date_range("2024-01-01", periods=30), name="sales")
    predictions = forecast(model, series, 4)
    np.testing.assert_array_equal(predictions, expected)
    assert predictions.name == "sales"
    assert predictions.index[0] == pd.Timestamp("2024-01-31")


def test_series_of_to_supervised():
    X, y = to_supervised(waves()[0])
    model = RNNRegressor((4,), return_sequences=True, solver="lbfgs", tol=0.1, random_state=0)
    model.fit(X[np.newaxis], y[np.newaxis])
    np.testing.assert_allclose(forecast(model, X, 5), naive(model, X, 5)[:, 0], rtol=1e-12, atol=1e-12)


def test_masked_timesteps_are_passed_over():
    X = waves()
    model, history = fitted(X), X[1].copy()
    history[[10, 29]] = np.nan  # the last one too
    without = np.delete(history, [10, 29], axis=0)
    np.testing.assert_allclose(forecast(model, history, 5), naive(model, history, 5)[:, 0], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(forecast(model, history, 5), forecast(model, without, 5))


@pytest.mark.parametrize(("n_series", "n_exog"), [(1, 0), (2, 0), (1, 1)])
def test_sequences_side_by_side(n_series, n_exog):
    X = waves(n_series=n_series + n_exog)
    model = fitted(X, n_series)
    ahead = X[:, :5, n_series:] if n_exog else None
    together = forecast(model, X, 6, exog=ahead)
    alone = [forecast(model, X[i], 6, exog=None if ahead is None else ahead[i]) for i in range(4)]
    assert together.shape == ((4, 6) if n_series == 1 else (4, 6, 2))
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-12)
    ragged = [X[i, 3 * i :] for i in range(4)]
    alone = [forecast(model, ragged[i], 6, exog=None if ahead is None else ahead[i]) for i in range(4)]
    np.testing.assert_allclose(forecast(model, ragged, 6, exog=ahead), alone, rtol=1e-12, atol=1e-12)


def test_each_step_reads_one_timestep(monkeypatch):
    X = waves(n_timesteps=200)
    model = fitted(X)
    read, stream = [], type(model.stream())
    original = stream.predict

    def count(self, x):
        read.append(np.shape(x))
        return original(self, x)

    monkeypatch.setattr(stream, "predict", count)
    monkeypatch.setattr(RNNRegressor, "predict", None)  # is not asked
    forecast(model, X[0], 50)
    assert len(read) == 200 + 49
    read.clear()
    backtest(model, X[0, :, 0], 5, first_origin=99)
    assert len(read) == 199 + 4  # the history once for all origins


@pytest.mark.parametrize("step", [1, 3])
def test_backtest_equals_forecasts_of_each_history(step):
    X = waves(n_series=2)
    model = fitted(X, 1)
    series, exog = X[2, :, 0], X[2, :, 1]
    result = backtest(model, series, 4, exog=exog, step=step)
    assert result.origins[0] == 0
    assert 26 - step < result.origins[-1] <= 26
    for origin, predictions in zip(result.origins, result.forecasts, strict=True):
        expected = forecast(model, X[2, : origin + 1], 4, exog=exog[origin + 1 :])
        np.testing.assert_allclose(predictions, expected, rtol=1e-12, atol=1e-12)


def test_search_over_networks():
    X = waves()
    model = fitted(X)
    search = GridSearchCV(model, {"cell": ["gru"]}, cv=2).fit(X[:, :-1], X[:, 1:, 0])
    np.testing.assert_array_equal(forecast(search, X[0], 3), forecast(search.best_estimator_, X[0], 3))


def test_quantiles_at_each_timestep():
    X = waves()
    model = fitted(X, loss="quantile", quantile=[0.05, 0.5, 0.95], tol=0.3)
    middle, lower, upper = forecast_interval(model, X[0], 1)
    np.testing.assert_allclose([lower, middle, upper], model.predict(X[:1])[0, -1][:, np.newaxis], rtol=1e-12)
    np.testing.assert_array_equal(forecast(model, X[0], 1), middle)
    assert forecast(model, X[0], 3).shape == (3,)


def test_errors():
    X = waves()
    model = fitted(X)
    with pytest.raises(ValueError, match="history has 2 columns; expected 1, as in training"):
        forecast(model, np.zeros((5, 2)), 3)
    with pytest.raises(ValueError, match="history has no sequences, or their numbers of columns differ"):
        forecast(model, [np.zeros((5, 1)), np.zeros((5, 2))], 3)
    with pytest.raises(ValueError, match=r"history has shape \(0, 1\)"):
        forecast(model, [np.zeros((5, 1)), np.zeros((0, 1))], 3)
    with pytest.raises(ValueError, match=r"exog has shape \(4, 2\); expected \(4, n_steps, n_exog\)"):
        forecast(fitted(waves(n_series=2)), waves(n_series=2), 3, exog=np.zeros((4, 2)))
    with pytest.raises(ValueError, match="exog has 1 rows; expected at least 2"):
        forecast(fitted(waves(n_series=2)), waves(n_series=2), 3, exog=np.zeros((4, 1, 1)))
    with pytest.raises(ValueError, match="model predicts NaN or infinity"):
        forecast(model, [X[0], np.full((5, 1), np.nan)], 3)
    both = fitted(X, bidirectional=True)
    with pytest.raises(ValueError, match="bidirectional=True; expected bidirectional=False"):
        forecast(both, X[0], 3)
    wrapped = make_pipeline(FunctionTransformer(), model).fit(X[:, :-1], X[:, 1:, 0])
    with pytest.raises(ValueError, match="a Pipeline around an estimator with return_sequences=True"):
        forecast(wrapped, X[0], 3)
    wrapped = TransformedTargetRegressor(model).fit(X[:, :-1], X[:, 1:, 0])
    with pytest.raises(ValueError, match="a TransformedTargetRegressor around an estimator"):
        forecast(wrapped, X[0], 3)
