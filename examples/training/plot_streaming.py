"""
Streaming: the sea's temperature, month after month
===================================================

A stream reads one timestep at a time and predicts after each, with an explicit state that can be read, stored, restored
or reset. Its predictions equal those of `predict` at the same timestep of the whole sequence. Here each new month gives
a forecast of the next six months, including El Niño.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from statsmodels.datasets import elnino

from skrnn import RNNRegressor, SlidingWindow

# %%
# The data are the monthly temperatures of the Pacific off Peru since 1950 (NOAA's ERSST v3b, from statsmodels), as
# deviations from the seasonal mean: the mean of the same month in the years before 1990.

table = elnino.load_pandas().data.set_index("YEAR")
deviation = (table - table.loc[:1989].mean()).to_numpy().ravel()
n_train = 40 * 12

# %%
# The features are the deviation and the season. The targets of each month are the changes until each of the next six
# months. The series before 1990 is a single sequence.

angle = 2 * np.pi / 12 * np.arange(len(deviation))
X = np.column_stack([deviation, np.sin(angle), np.cos(angle)])
future = np.lib.stride_tricks.sliding_window_view(deviation[1:], 6)  # (n_months - 6, 6)
y = future - deviation[:-6, np.newaxis]
known = n_train - 6  # months whose targets are before 1990

model = RNNRegressor((4,), cell="gru", return_sequences=True, solver="lbfgs", alpha=10.0, random_state=0)
model = model.fit(X[np.newaxis, :known], y[np.newaxis, :known])

# %%
# The months now arrive one by one. The stream keeps the state, so each forecast costs a single timestep, however long
# the history is.

stream = model.stream()
changes = []
for month in X[:-6]:
    changes.append(stream.predict([month])[0])
forecasts = deviation[:-6, np.newaxis] + changes
bool(np.allclose(changes, model.predict(X[np.newaxis, :-6])[0]))

# %%
# Forecasts from every third month, and the observed values:

months = 1950 + np.arange(len(deviation)) / 12
figure, axes = plt.subplots()
axes.plot(months, deviation, color="0.75", linewidth=4, label="observed")
for origin in range(n_train, len(forecasts), 3):
    line = np.append(deviation[origin], forecasts[origin])
    axes.plot(months[origin : origin + 7], line, color="C1", linewidth=1.2)
axes.plot([], [], color="C1", linewidth=1.2, label="forecasts of six months")
axes.set(xlabel="year", ylabel="°C above the seasonal mean", xlim=(1996, 2003), ylim=(-2.5, 5.5))
axes.legend(ncols=2, loc="upper right")
plt.show()

# %%
# The table shows root mean squared errors in °C from 1990 on, compared with ridge regression on the last twelve months
# and the season, with the last deviation, and with the seasonal mean.

window = SlidingWindow(n_timesteps=12, padding="edge", flatten=True)
lags = np.hstack([window.fit_transform(X[:-6, :1]), X[:-6, 1:]])
of_ridge = RidgeCV(np.logspace(-2, 4, 13)).fit(lags[:known], y[:known]).predict(lags)
rivals = {
    "network": forecasts,
    "ridge regression": deviation[:-6, np.newaxis] + of_ridge,
    "last deviation": deviation[:-6, np.newaxis],
    "seasonal mean": 0.0,
}
misses = [(rival - future)[n_train:] for rival in rivals.values()]
errors = [np.sqrt(np.mean(miss**2, axis=0)) for miss in misses]
pd.DataFrame(errors, index=list(rivals), columns=pd.RangeIndex(1, 7, name="months ahead")).round(2)

# %%
# The network and ridge regression have similar errors. The network does not predict the strong El Niño of 1997 and,
# once it has begun, predicts its end too early.
#
# Reading the state returns a copy, and restoring it makes the stream predict as before. This makes it possible to
# compare scenarios, here in April 1997: a May at the seasonal mean, the observed one, and a hotter one.

stream = model.stream()
april = (1997 - 1950) * 12 + 3
for month in X[: april + 1]:
    stream.predict([month])
state = stream.state
for value in (0.0, deviation[april + 1], 4.0):
    stream.state = state
    may = [value, np.sin(angle[april + 1]), np.cos(angle[april + 1])]
    october = value + stream.predict([may])[0, 4]
    print(f"May {value:.1f} °C above the mean: October {october:.1f} °C")
