"""
A panel: many series in one table
=================================

Eight patients, a table with a row for each patient and day, and one network for all of them.
Windows must not cross from one patient to another, and cross-validation must cut all series at
the same day.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import make_mackey_glass
from skrnn.forecasting import to_supervised
from skrnn.model_selection import PanelTimeSeriesSplit

# %%
# The data: the concentration of blood cells by the equation of Mackey and Glass, with a delay
# of its own for each patient, who enter the study one after another.

tables = []
for patient, delay in enumerate([14, 15, 16, 17, 18, 20, 22, 25]):
    days = np.arange(20 * patient, 400)
    concentration = make_mackey_glass(len(days), tau=delay, random_state=patient)
    tables.append(pd.DataFrame({"patient": patient, "day": days, "cells": concentration}))
table = pd.concat(tables, ignore_index=True)
table.head()

# %%
# `to_supervised` puts the next six days beside each row, patient by patient; the sixth of them
# is what is to be forecast. `SlidingWindow` is told by a column who is who: the windows of a
# patient hold nobody else's rows.

early = table.loc[table["day"] < 100, "cells"]
table["cells"] = (table["cells"] - early.mean()) / early.std()  # in a unit that the first fold knows
X, y = to_supervised(table, groups="patient", horizon=6)
y = y["cells_t+6"]
windows = SlidingWindow(n_timesteps=24, group_column="patient").fit_transform(X[["patient", "cells"]])
windows.shape, y.shape

# %%
# Each fold trains on all patients up to a day, and tests on the days after it. `horizon=6`
# leaves out the rows just before the border, whose targets lie behind it. Whose row is whose,
# the splitter is told by the column of the table or, where `X` is an array of windows, by
# `groups`; then the series are aligned at their ends.

cv = PanelTimeSeriesSplit(n_splits=4, horizon=6)
figure, axes = plt.subplots(figsize=(6.4, 3))
for fold, (train, test) in enumerate(cv.split(windows, y, groups=X["patient"])):
    for rows, colour in ((train, "#56B4E9"), (test, "#D55E00")):
        part = X.iloc[rows]
        axes.scatter(part["day"], part["patient"] + 0.18 * fold - 0.3, s=1.2, color=colour)
axes.set(xlabel="day", ylabel="patient", title="Four folds: training rows blue, test rows orange")
axes.set_yticks(range(8))
plt.show()

# %%
# The first windows of each patient lack history: the network skips what is not there, ridge
# regression gets the first day repeated.

warnings.simplefilter("ignore", ConvergenceWarning)  # so many iterations are enough to compare the two
lags = SlidingWindow(n_timesteps=24, padding="edge", flatten=True, group_column="patient")
lagged = lags.fit_transform(X[["patient", "cells"]])
network = RNNRegressor((16,), cell="gru", learning_rate_init=0.01, batch_size=32, max_iter=40, random_state=0)
for name, model, data in [
    ("network", network, windows),
    ("ridge regression", Ridge(1e-4), lagged),
]:
    scores = cross_val_score(model, data, y, groups=X["patient"], cv=cv)
    print(f"{name}: R^2 of each fold {np.round(scores, 3)}")

# %%
# From the few rows of the first folds ridge regression learns more; with more of them the
# network overtakes it.
