"""Tests that backtests agree with those of other tools: what tutorials print, and what a tool forecasts today."""

import numpy as np
import pandas as pd
import pytest
from skforecast.model_selection import TimeSeriesFold, backtesting_forecaster
from skforecast.recursive import ForecasterRecursive
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sktime.datasets import load_airline

from skrnn import SlidingWindow
from skrnn.datasets import load_sunspots
from skrnn.forecasting import backtest, to_supervised

N_LAGS, N_STEPS, N_TRAIN = 11, 4, 150


@pytest.mark.parametrize("refit", [False, True, 3])
def test_skforecast_has_the_same_folds_and_forecasts(refit):
    values = load_sunspots(return_X_y=True)[0][:, 0]
    series = pd.Series(values, index=pd.date_range("1700", periods=len(values), freq="YS"), name="sunspots")
    forecaster = ForecasterRecursive(estimator=Ridge(), lags=N_LAGS)
    folds = TimeSeriesFold(
        steps=N_STEPS, initial_train_size=N_TRAIN, refit=refit, fixed_train_size=False, verbose=False
    )
    _, expected = backtesting_forecaster(forecaster, series, folds, "mean_squared_error", show_progress=False)

    weights = (np.arange(len(series)) >= N_LAGS - 1).astype(float)  # skforecast begins where all lags are known
    model = make_pipeline(SlidingWindow(N_LAGS, padding="edge", flatten=True), Ridge())
    X, y = to_supervised(series[:N_TRAIN])
    model.fit(X, y, ridge__sample_weight=weights[: len(y)])
    options = {"refit": refit, "sample_weight": weights} if refit else {}
    result = backtest(model, series, N_STEPS, first_origin=N_TRAIN - 1, step=N_STEPS, **options)
    forecasts = result.to_frame().dropna()
    np.testing.assert_array_equal(forecasts["target"], expected.index)
    np.testing.assert_allclose(forecasts["forecast"], expected["pred"], rtol=1e-9)


# Printed in https://github.com/sktime/sktime/blob/main/examples/04_benchmarking_forecasters.ipynb.
PRINTED_OF_NAIVE = [0.024532, 0.020831, 0.001213, 0.01495, 0.031067, 0.008373, 0.007972, 0.000009, 0.028191, 0.003906]


def test_sktime_naive_forecasts_have_the_printed_errors():
    series = load_airline()
    model = Ridge().fit(*to_supervised(series[:24]))
    naive = backtest(model, series, 12, first_origin=23, step=12).naive(12)
    of_last_step = naive.errors[:, 11] / naive.truth[:, 11]
    np.testing.assert_allclose(of_last_step**2, PRINTED_OF_NAIVE, atol=5e-7)
