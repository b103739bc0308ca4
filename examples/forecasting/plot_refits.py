"""
A model that is fitted again as time goes on
============================================

A backtest can fit the model again on what is known by then: on all rows up to an origin, or on
the latest ones. Its errors are reported per step ahead, beside those of the naive forecast.
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
# A network is fitted on the years to 1850. Then it forecasts six years from each year since: as
# it is, fitted again every twenty years on all years up to there, and on the latest hundred.

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
# In numbers, all steps together: the error, the error over that of the naive forecast of eleven
# years in the training part (MASE), and what the intervals cover and how wide they are. The
# naive forecast is the value eleven years before.

measures = ["MAE", "MASE", "coverage", "width"]
rows = {name: result.scores(measures, by=[], season=11) for name, result in results.items()}
rows["naive"] = results["never"].naive(11).scores(["MAE", "MASE"], by=[], season=11)
pd.concat(rows, names=["fitted again", None]).droplevel(1).round(2)

# %%
# Here a refit gains nothing, since the cycle has hardly changed, and a hundred years are too few.
# Where a series changes its ways, it is the other way round: compare before you choose.
