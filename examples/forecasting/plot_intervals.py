"""
Forecasts with intervals, and how good they would have been
===========================================================

This example forecasts a series ten years ahead, with intervals, and measures in a backtest how often such intervals
would have covered the observed values.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots
from skrnn.forecasting import backtest, forecast_interval, to_supervised
from skrnn.plotting import ForecastDisplay

sunspots = load_sunspots()
years = pd.Index(np.append(sunspots.years, 2008), name="year")
series = pd.Series(np.append(sunspots.data[:, 0], sunspots.target[-1]), index=years, name="sunspot number")

# %%
# The network learns to predict one step ahead; for ten steps, each forecast becomes the next row of the history. It is
# fitted on the years up to 1920, so that later years can be used to calibrate the intervals and to evaluate the
# forecasts.

X, y = to_supervised(series.loc[:1920])
network = RNNRegressor((8,), cell="gru", solver="lbfgs", alpha=1.0, tol=1e-3, random_state=0)
model = make_pipeline(SlidingWindow(n_timesteps=12), network).fit(X, y)

forecast, lower, upper = forecast_interval(model, series, n_steps=10, coverage=0.8, n_calibration=80)
pd.DataFrame({"forecast": forecast, "lower": lower, "upper": upper}).round(1)

# %%
# Forecasts from three earlier years can be compared with the observed values. Each forecast uses the series up to its
# circle.

origins = [series.index.get_loc(year) for year in (1963, 1976, 1989, 2008)]
ForecastDisplay.from_estimator(model, series, n_steps=10, origins=origins, coverage=0.8, n_calibration=30, n_history=30)
plt.show()

# %%
# A backtest forecasts from every year since 1920, with intervals based on the errors that were known in that year.

result = backtest(model, series, n_steps=10, first_origin=series.index.get_loc(1920), coverage=0.8)
errors = np.sqrt(np.nanmean(result.errors**2, axis=0))
covered = result.observed_coverage()

figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(6.4, 4.4))
steps = np.arange(1, 11)
above.plot(steps, errors, marker="o", label="network")
above.axhline(
    series.loc[1921:].std(),
    color="0.6",
    linestyle=":",
    label="standard deviation of the series",
)
above.set(ylabel="RMSE", ylim=(0, 65))
above.legend(loc="lower right")
below.plot(steps, covered, marker="o")
below.axhline(0.8, color="0.6", linestyle=":")
below.set(xlabel="years ahead", ylabel="coverage", ylim=(0, 1))
plt.show()

# %%
# The intervals cover less than the requested 80 % when cycles are higher than the earlier ones: calibration is based on
# the past, and cannot anticipate such a change.
