"""
Short series: a hybrid of network and linear model
==================================================

On a few hundred rows, a network alone often loses to ridge regression. `HybridRegressor` averages
ridge regression, a Gaussian process and networks that predict changes, each weighted by its error
in cross-validation.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots
from skrnn.ensemble import HybridRegressor

sunspots = load_sunspots()
X, y, years = sunspots.data, sunspots.target, sunspots.target_years
training = years <= 1920

# %%
# The yearly sunspot numbers, one year ahead, from windows of twelve years. The models are fitted to the
# years up to 1920.

network = RNNRegressor((4,), solver="lbfgs", alpha=1.0, random_state=0)
columns = SlidingWindow(12, flatten=True, padding="edge")
models = {
    "ridge regression": make_pipeline(columns, RidgeCV(np.logspace(-3, 6, 19))),
    "network": make_pipeline(SlidingWindow(12), network),
    "hybrid": make_pipeline(SlidingWindow(12), HybridRegressor(random_state=0)),
}
periods = [(1921, 1955), (1956, 1979), (1980, 2008)]
errors = {}
for name, model in models.items():
    squared = (model.fit(X[training], y[training]).predict(X) - y) ** 2
    errors[name] = [np.sqrt(squared[(years >= first) & (years <= last)].mean()) for first, last in periods]
    print(f"{name:<17} RMSE {np.round(errors[name], 1)}")

# %%
# From 1956 on, the cycles are higher than any that the models have seen. There the network falls behind
# ridge regression; the hybrid has the smallest error in all three periods.

figure, axes = plt.subplots()
for number, (name, of_model) in enumerate(errors.items()):
    axes.bar(np.arange(3) + 0.27 * (number - 1), of_model, 0.25, label=name)
axes.set_xticks(range(3), [f"{first} to {last}" for first, last in periods])
axes.set(ylabel="root mean squared error")
axes.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
plt.show()

# %%
# The weights of its three parts, the Gaussian process, the networks and the linear part:

models["hybrid"][-1].weights_.round(2)
