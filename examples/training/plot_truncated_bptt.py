"""
Truncated BPTT: training on a long series itself
================================================

Windows compute each timestep once for every window that holds it. A network with
`return_sequences=True` reads the series itself, once; `bptt_steps` bounds how far the error
flows back, and so the memory. One long series is cut into some that run side by side.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cbook import get_sample_data
from sklearn.linear_model import RidgeCV

from skrnn import RNNRegressor, SlidingWindow

# %%
# The membrane potential of a nerve cell, 2000 values per second, from Matplotlib's sample data (its
# first logo was drawn over it). The five seconds in which the cell fires; the task is to
# forecast four milliseconds ahead.

recording = np.fromfile(get_sample_data("membrane.dat", asfileobj=False), np.float32)
potential = 100 * recording[1000:10_908]  # millivolts
n_train = 7200
X, y = potential[:-8, np.newaxis], potential[8:]

# %%
# The series as 16 sequences of 450 timesteps, in segments of 50. Each segment is a step of the
# solver.

settings = {"cell": "gru", "batch_size": 16, "learning_rate_init": 0.005, "random_state": 0}
on_series = RNNRegressor((16,), return_sequences=True, bptt_steps=50, **settings)
start = time.perf_counter()
for _ in range(250):  # epochs
    on_series.partial_fit(X[:n_train].reshape(16, 450, 1), y[:n_train].reshape(16, 450))
of_series = time.perf_counter() - start

# %%
# Windows of 50, for about as many seconds: six epochs. And ridge regression on their 50 values.

windows = SlidingWindow(n_timesteps=50, padding="edge").fit_transform(X)
on_windows = RNNRegressor((16,), **settings)
start = time.perf_counter()
for _ in range(6):
    on_windows.partial_fit(windows[:n_train], y[:n_train])
of_windows = time.perf_counter() - start

lags = windows[:, :, 0]
start = time.perf_counter()
ridge = RidgeCV(np.logspace(-3, 3, 13)).fit(lags[:n_train], y[:n_train])
of_ridge = time.perf_counter() - start

# %%
# All forecast the rest of the series, where the cell loses its rhythm. The network that reads
# the series carries its state on from the beginning.

predictions = {
    "series, 250 epochs": (on_series.predict(X[np.newaxis])[0], of_series),
    "windows, 6 epochs": (on_windows.predict(windows), of_windows),
    "ridge regression": (ridge.predict(lags), of_ridge),
}
figure, axes = plt.subplots()
shown = slice(9000, 9500)
milliseconds = np.arange(500) / 2
axes.plot(milliseconds, y[shown], color="0.8", linewidth=4, label="observed")
for name, (predicted, seconds) in predictions.items():
    error = np.sqrt(np.mean((predicted - y)[n_train:] ** 2)) / y[n_train:].std()
    print(f"{name:<20} {seconds:5.1f} s, test error {error:.2f} standard deviations")
    axes.plot(milliseconds, predicted[shown], linewidth=1.2, label=name)
axes.set(xlabel="milliseconds", ylabel="millivolts, 4 ms ahead", ylim=(-60, 35))
axes.legend(ncols=2, loc="upper center")
plt.show()

# %%
# A spike is a threshold that is passed, which no weighted sum of the past can express: ridge
# regression sees it when it is there. The networks see it coming, and at times one that does not come. (Other
# seeds, and other processors, move the error of either network by some hundredths.)
