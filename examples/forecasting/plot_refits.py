"""
Backtests with refits
=====================

A backtest can refit the model to all rows that are known at an origin, or to the latest ones. Its errors are reported
for each step ahead and compared with those of the naive forecast.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots
from skrnn.forecasting import backtest, to_supervised
from skrnn.plotting import BacktestDisplay

sunspots = load_sunspots()
years = pd.period_range("1700", "2008", freq="Y", name="year")
series = pd.Series(np.append(sunspots.data[:, 0], sunspots.target[-1]), index=years, name="sunspot number")

# %%
# A network is fitted on the years up to 1850, and then forecasts six years from each later year: without refits, with
# refits every twenty years on all earlier years, and with refits on the latest hundred years.

until_1850 = series[:"1850"]
network = RNNRegressor((4,), solver="lbfgs", alpha=1.0, tol=1e-3, random_state=0)
model = make_pipeline(SlidingWindow(n_timesteps=12), network).fit(*to_supervised(until_1850))

options = {"n_steps": 6, "first_origin": len(until_1850) - 1, "coverage": 0.8}
results = {
    "never": backtest(model, series, **options),
    "every 20 years": backtest(model, series, **options, refit=20),
    "every 20 years, on the latest 100": backtest(model, series, **options, refit=20, max_train_size=100),
}
BacktestDisplay.from_backtest(results, metric="MAE", season=11)
plt.show()

# %%
# The table shows the error over all steps, the error divided by that of the naive forecast in the training part (MASE),
# and coverage and width of the intervals. The naive forecast is the value eleven years before.

measures = ["MAE", "MASE", "coverage", "width"]
rows = {name: result.scores(measures, by=[], season=11) for name, result in results.items()}
rows["naive"] = results["never"].naive(11).scores(["MAE", "MASE"], by=[], season=11)
pd.concat(rows, names=["refit", None]).droplevel(1).round(2)

# %%
# Here refits do not help, because the cycle has hardly changed, and a hundred years are too few. If the behaviour of a
# series changes, they may help: compare before you choose.
