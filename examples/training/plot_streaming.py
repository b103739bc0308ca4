"""
Streaming: the sea's temperature, month after month
===================================================

`stream()` takes a timestep and predicts, with an explicit state: to be read, kept, set
back, or reset. Its prediction is that of `predict` at the same timestep of the whole
sequence. Here each new month gives a forecast of the next six, through El Niño and back.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from statsmodels.datasets import elnino

from skrnn import RNNRegressor, SlidingWindow

# %%
# The temperature of the Pacific off Peru, monthly since 1950 (NOAA's ERSST v3b, from
# statsmodels), as departure from what is usual in its month: the mean of the years before 1990.

table = elnino.load_pandas().data.set_index("YEAR")
departure = (table - table.loc[:1989].mean()).to_numpy().ravel()
n_train = 40 * 12

# %%
# The features are the departure and the season. The targets, at each month, are the changes from
# then until each of the next six months. The series before 1990 is one sequence.

angle = 2 * np.pi / 12 * np.arange(len(departure))
X = np.column_stack([departure, np.sin(angle), np.cos(angle)])
future = np.lib.stride_tricks.sliding_window_view(departure[1:], 6)  # (n_months - 6, 6)
y = future - departure[:-6, np.newaxis]
known = n_train - 6  # months whose targets are before 1990

model = RNNRegressor((4,), cell="gru", return_sequences=True, solver="lbfgs", alpha=10.0, random_state=0)
model = model.fit(X[np.newaxis, :known], y[np.newaxis, :known])

# %%
# From here on the months come one by one. The stream carries the state: a forecast costs one
# timestep, however long the history.

stream = model.stream()
changes = []
for month in X[:-6]:
    changes.append(stream.predict([month])[0])
forecasts = departure[:-6, np.newaxis] + changes
bool(np.allclose(changes, model.predict(X[np.newaxis, :-6])[0]))

# %%
# Forecasts that were made each third month, beside what came.

months = 1950 + np.arange(len(departure)) / 12
figure, axes = plt.subplots()
axes.plot(months, departure, color="0.75", linewidth=4, label="observed")
for origin in range(n_train, len(forecasts), 3):
    line = np.append(departure[origin], forecasts[origin])
    axes.plot(months[origin : origin + 7], line, color="C1", linewidth=1.2)
axes.plot([], [], color="C1", linewidth=1.2, label="forecasts of six months")
axes.set(xlabel="year", ylabel="°C above the usual", xlim=(1996, 2003), ylim=(-2.5, 5.5))
axes.legend(ncols=2, loc="upper right")
plt.show()

# %%
# How good they were from 1990 on, beside ridge regression on the last twelve months and the
# season, and beside the forecasts that nothing changes, or that all will be as usual. (Root mean
# squared error, in °C.)

window = SlidingWindow(n_timesteps=12, padding="edge", flatten=True)
lags = np.hstack([window.fit_transform(X[:-6, :1]), X[:-6, 1:]])
of_ridge = RidgeCV(np.logspace(-2, 4, 13)).fit(lags[:known], y[:known]).predict(lags)
rivals = {
    "network": forecasts,
    "ridge regression": departure[:-6, np.newaxis] + of_ridge,
    "stays as it is": departure[:-6, np.newaxis],
    "as usual": 0.0,
}
misses = [(rival - future)[n_train:] for rival in rivals.values()]
errors = [np.sqrt(np.mean(miss**2, axis=0)) for miss in misses]
pd.DataFrame(errors, index=list(rivals), columns=pd.RangeIndex(1, 7, name="months ahead")).round(2)

# %%
# The network and ridge regression are as good as each other. The network does not
# foresee the great El Niño of 1997 and, once it is there, expects its end too early.
#
# The state is a copy when read. Set back, the network predicts as it did: to look ahead at what
# the next month would change. In April 1997, say, of a May as usual, of the one that came, and of
# a hotter one:

stream = model.stream()
april = (1997 - 1950) * 12 + 3
for month in X[: april + 1]:
    stream.predict([month])
state = stream.state
for value in (0.0, departure[april + 1], 4.0):
    stream.state = state
    may = [value, np.sin(angle[april + 1]), np.cos(angle[april + 1])]
    october = value + stream.predict([may])[0, 4]
    print(f"May {value:.1f} °C above the usual: October {october:.1f} °C")
