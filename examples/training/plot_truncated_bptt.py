"""
Truncated BPTT: training on a long series itself
================================================

With windows, each timestep is computed once for every window that contains it. A network with `return_sequences=True`
reads the series itself, once; `bptt_steps` limits how far the error flows back, and so the memory. A long series is cut
into several parallel sequences.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cbook import get_sample_data
from sklearn.linear_model import RidgeCV

from skrnn import RNNRegressor, SlidingWindow

# %%
# The data are the membrane potential of a nerve cell, 2000 values per second, from Matplotlib's sample data (it was the
# background of Matplotlib's first logo). The task is to forecast four milliseconds ahead, in the five seconds in which
# the cell fires.

recording = np.fromfile(get_sample_data("membrane.dat", asfileobj=False), np.float32)
potential = 100 * recording[1000:10_908]  # millivolts
n_train = 7200
X, y = potential[:-8, np.newaxis], potential[8:]

# %%
# The training part is reshaped to 16 sequences of 450 timesteps, which are processed in segments of 50. Each segment is
# a step of the solver.

settings = {"cell": "gru", "batch_size": 16, "learning_rate_init": 0.005, "random_state": 0}
on_series = RNNRegressor((16,), return_sequences=True, bptt_steps=50, **settings)
start = time.perf_counter()
for _ in range(250):  # epochs
    on_series.partial_fit(X[:n_train].reshape(16, 450, 1), y[:n_train].reshape(16, 450))
of_series = time.perf_counter() - start

# %%
# For comparison, a network is trained on windows of 50 for about the same time, six epochs, and ridge regression on the
# same 50 values.

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
# All models forecast the rest of the series, where the cell no longer fires regularly. The network that reads the
# series keeps its state from the beginning.

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
# A spike occurs when a threshold is exceeded, which no weighted sum of past values can express: ridge regression only
# predicts it when it has begun. The networks predict it in advance, and sometimes predict one that does not occur.
# (Other seeds and other processors change the error of either network by a few hundredths.)
