"""
Long memory: the adding problem
===============================

In a sequence of random numbers two are marked; the target, after the last timestep, is the sum of the two. The first
mark is in the first half, so the network has to remember it. Always predicting 1 has a mean squared error of 1/6.
"""

import matplotlib.pyplot as plt
import numpy as np

from skrnn import RNNRegressor
from skrnn.datasets import make_adding_problem

n_timesteps = 50
X_test, y_test = make_adding_problem(1000, n_timesteps, random_state=1)
X, y = make_adding_problem(4000, n_timesteps, random_state=0)

# %%
# Short sequences help the network learn long ones: half of the training sequences have 10 timesteps. `X` is a list, so
# lengths may differ.

X_short, y_short = make_adding_problem(4000, 10, random_state=2)
mixed, y_mixed = [*X, *X_short], np.append(y, y_short)
settings = {"alpha": 0.0, "batch_size": 20, "learning_rate_init": 0.01, "dtype": "float32", "random_state": 0}
networks = {
    "simple units": RNNRegressor((16,), cell="rnn", **settings),
    "GRU": RNNRegressor((8,), cell="gru", **settings),
}

# %%
# `partial_fit` trains for one epoch and continues from the weights of the last call. Here it is used to compute the
# test error after each epoch.

figure, axes = plt.subplots()
for name, network in networks.items():
    errors = []
    for _ in range(10):
        network.partial_fit(mixed, y_mixed)
        errors.append(np.mean((network.predict(X_test) - y_test) ** 2))
    axes.plot(range(1, 11), errors, marker="o", markersize=4, label=name)
axes.axhline(1 / 6, color="0.6", linestyle=":", label="always 1")
axes.set(xlabel="epoch", ylabel="mean squared error, 50 timesteps", yscale="log")
axes.legend()
plt.show()

# %%
# Predictions of the gated network for single sequences, and their targets:

figure, axes = plt.subplots(figsize=(4.2, 4))
axes.plot([0, 2], [0, 2], color="0.8")
axes.plot(y_test[:300], networks["GRU"].predict(X_test[:300]), ".", markersize=4)
axes.set(xlabel="sum of the marked values", ylabel="prediction", aspect="equal")
plt.show()
