"""
A panel: many series in one table
=================================

The data are births per woman in 192 countries and regions, with one row per country and year. One network is fitted for
all countries. Windows must not cross from one country to another, and cross-validation must split all series at the
same year.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from statsmodels.datasets import fertility

from skrnn import RNNRegressor, SlidingWindow
from skrnn.ensemble import ChangeRegressor
from skrnn.forecasting import forecast, to_supervised
from skrnn.model_selection import PanelTimeSeriesSplit

# %%
# The data are the World Bank's total fertility rates from 1960 to 2011, included in statsmodels, of the countries with
# a value in each year.

wide = fertility.load_pandas().data.rename(columns={"Country Name": "country"}).set_index("country")
wide = wide.loc[:, "1960":"2011"].dropna()
table = wide.melt(ignore_index=False, var_name="year", value_name="births").reset_index()
table = table.astype({"year": int}).sort_values(["country", "year"], ignore_index=True)
table.head()

# %%
# `to_supervised` returns the next ten years of each row, country by country; the target is the change until the tenth
# year. `group_column` of `SlidingWindow` is the column with the countries: no window contains rows of several
# countries.

X, y = to_supervised(table, groups="country", n_steps=10)
y = y["births_t+10"] - X["births"]
inputs = X[["country", "births"]]
windows = SlidingWindow(n_timesteps=10, group_column="country").fit_transform(inputs)
windows.shape, y.shape

# %%
# Each fold trains on all countries up to a year, and tests on later years. `horizon=10` leaves out the rows just before
# the border, whose targets are after it. `X` is an array of windows here, so the countries are passed as `groups`, and
# the series are aligned at their ends.

cv = PanelTimeSeriesSplit(n_splits=3, horizon=10)
folds = list(cv.split(windows, y, groups=X["country"]))
figure, axes = plt.subplots(figsize=(6.4, 2.4))
for fold, parts in enumerate(folds, start=1):
    for rows, name, colour in zip(parts, ["training", "test"], ["C5", "C1"], strict=True):
        years = X["year"].iloc[rows]
        label = name if fold == 1 else None
        axes.barh(fold, np.ptp(years) + 1, left=years.min(), height=0.6, color=colour, label=label)
axes.set(xlabel="year of the row (its target is ten years later)", ylabel="fold", yticks=[1, 2, 3])
axes.invert_yaxis()
axes.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
plt.show()

# %%
# The first windows of each country lack history: the network skips the missing timesteps, and for ridge regression the
# first year is repeated. The third forecast is that nothing changes.

lags = SlidingWindow(n_timesteps=10, padding="edge", flatten=True, group_column="country")
lagged = lags.fit_transform(inputs)
network = RNNRegressor((8,), cell="gru", alpha=1.0, learning_rate_init=0.01, batch_size=64, random_state=0)
for name, model, data in [
    ("network", network, windows),
    ("ridge regression", Ridge(0.01), lagged),
]:
    scores = cross_val_score(
        model,
        data,
        y,
        groups=X["country"],
        cv=cv,
        scoring="neg_root_mean_squared_error",
    )
    print(f"{name:<17} RMSE of each fold {np.round(-scores, 2)}")
unchanged = [np.sqrt(np.mean(y.iloc[test] ** 2)) for _, test in folds]
print(f"{'no change':<17} RMSE of each fold {np.round(unchanged, 2)}")

# %%
# The network is slightly better than ridge regression (other seeds change its error by a few hundredths), and both are
# much better than no change. The figure shows the forecasts of the network of the last fold for the years up to 2011,
# each made ten years earlier:

# sphinx_gallery_thumbnail_number = 2
train, test = folds[-1]
network.fit(windows[train], y.iloc[train])
rows = X.iloc[test].assign(forecast=X["births"].iloc[test] + network.predict(windows[test]))
figure, axes = plt.subplots(figsize=(6.4, 4))
for i, country in enumerate(["Niger", "Ethiopia", "India", "Brazil", "Sweden"]):
    axes.plot(wide.columns.astype(int), wide.loc[country], color=f"C{i}", linewidth=3, alpha=0.35)
    forecasts = rows.loc[rows["country"] == country].set_index("year")["forecast"]
    axes.plot(forecasts.index + 10, forecasts, ".-", color=f"C{i}", linewidth=1, label=country)
axes.set(xlabel="year", ylabel="births per woman", xlim=(1960, 2012), ylim=(0, 8.5))
axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1)
plt.show()

# %%
# A single call forecasts all countries: `groups` is the name of the column, and the result is a table in the same
# format. Here the model predicts changes over the next five years, and is applied twice.

panel = table.set_index("year")[["country", "births"]]
X, y = to_supervised(panel, groups="country", n_steps=5)
network = RNNRegressor((8,), solver="lbfgs", alpha=1.0, random_state=0)
model = make_pipeline(SlidingWindow(10, group_column="country"), ChangeRegressor(network)).fit(X, y)
forecasts = forecast(model, panel, n_steps=10, groups="country")
forecasts.loc[2021].set_index("country").loc[["Niger", "Ethiopia", "India", "Brazil", "Sweden"]].round(1)
