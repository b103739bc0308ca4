"""
Ridge regression, boosted trees and a network in one search
===========================================================

A small, nearly linear data set does not need a network. `SlidingWindow(flatten=True)` gives every model the same table
of lagged columns, so that a single grid search can compare them; the network folds each row of the table back into
timesteps.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots

sunspots = load_sunspots()
X, y, training = sunspots.data, sunspots.target, sunspots.target_years <= 1920

# %%
# `padding="edge"` repeats the first year if the history is too short, because not all models accept missing values. A
# network depends on its random start, so there are three starts for each cell.

model = Pipeline(
    [
        ("scale", StandardScaler()),
        ("window", SlidingWindow(n_timesteps=12, padding="edge", flatten=True)),
        ("model", Ridge()),
    ]
)
network = RNNRegressor((4,), solver="lbfgs", alpha=1.0, tol=1e-3, n_timesteps=12)
grid = [
    {"model": [Ridge()], "model__alpha": [0.1, 1.0, 10.0]},
    {
        "model": [HistGradientBoostingRegressor(max_iter=50, random_state=0)],
        "model__max_leaf_nodes": [4, 31],
    },
    {"model": [network], "model__cell": ["rnn", "gru"], "model__random_state": [0, 1, 2]},
]
search = GridSearchCV(model, grid, cv=TimeSeriesSplit(4), scoring="neg_mean_squared_error").fit(
    X[training], y[training]
)

# %%
# The table shows the results of the search, and the errors on the years after 1920, which would not be known at the
# time. Errors are divided by 1535, the customary scale of this series.

rows = []
for params, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
    fitted = model.set_params(**params).fit(X[training], y[training])
    later = np.mean((fitted.predict(X) - y)[~training] ** 2)
    setting = ", ".join(f"{name[7:]}={value}" for name, value in params.items() if name != "model")
    rows.append((type(params["model"]).__name__, setting, -score / 1535, later / 1535))
table = pd.DataFrame(rows, columns=["model", "setting", "cross-validation", "1921-2008"])
table.sort_values("cross-validation").round(2)

# %%
# In cross-validation every network is better than ridge regression; on the later years most of them are worse, so the
# best model in cross-validation need not be the best later. Starts of the same network differ as much as cells do, so
# the choice among them is due to chance.

table = table.sort_values("cross-validation", ascending=False)
figure, axes = plt.subplots()
places = np.arange(len(table))
axes.barh(places + 0.2, table["cross-validation"], 0.38, label="cross-validation to 1920")
axes.barh(places - 0.2, table["1921-2008"], 0.38, label="the years after")
axes.set_yticks(places, table["model"].str.replace("Regressor", "") + ", " + table["setting"])
axes.set(xlabel="mean squared error / 1535")
axes.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.35, 1.0))
plt.show()
