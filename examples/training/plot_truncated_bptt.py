"""
Truncated BPTT: training on a long series itself
================================================

Windows compute each timestep once for every window that holds it. A network with
`return_sequences=True` reads the series itself, once; `bptt_steps` bounds how far the error
flows back, and so the memory. One long series is cut into some that run side by side.
"""

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import make_mackey_glass

warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is what is given
series = make_mackey_glass(10_006, random_state=0)
X, y = series[:-6, np.newaxis], series[6:]  # the value six steps later
n_train = 8000
settings = {
    "cell": "gru",
    "learning_rate_init": 0.005,
    "n_iter_no_change": np.inf,
    "dtype": "float32",
    "random_state": 0,
}

# %%
# The series as 16 sequences of 500 timesteps, in pieces of 50. Each piece is a step of the
# solver.

on_series = RNNRegressor((16,), return_sequences=True, bptt_steps=50, batch_size=16, max_iter=150, **settings)
start = time.perf_counter()
on_series.fit(X[:n_train].reshape(16, 500, 1), y[:n_train].reshape(16, 500))
of_series = time.perf_counter() - start

# %%
# Windows of 50, for two epochs.

windows = SlidingWindow(n_timesteps=50).fit_transform(X)
on_windows = RNNRegressor((16,), batch_size=16, max_iter=2, **settings)
start = time.perf_counter()
on_windows.fit(windows[:n_train], y[:n_train])
of_windows = time.perf_counter() - start

# %%
# Both forecast the end of the series. The network that reads the series carries its state on
# from the beginning.

predictions = {
    "series, 150 epochs": (on_series.predict(X[np.newaxis])[0], of_series),
    "windows, 2 epochs": (on_windows.predict(windows), of_windows),
}
figure, axes = plt.subplots()
shown = slice(9700, 10_000)
axes.plot(y[shown], color="0.8", linewidth=4, label="observed")
for name, (predicted, seconds) in predictions.items():
    error = np.sqrt(np.mean((predicted - y)[n_train:] ** 2)) / y[n_train:].std()
    print(f"{name:<20} {seconds:5.1f} s, test error {error:.3f} standard deviations")
    axes.plot(predicted[shown], linewidth=1, label=name)
axes.set(xlabel="timestep of the test", ylabel="concentration, six steps ahead", ylim=(0.2, 1.6))
axes.legend(ncols=3, loc="upper center")
plt.show()
