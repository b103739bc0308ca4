"""
Solvers: least squares, L-BFGS and Adam on a chaotic series
===========================================================

Small networks are worth a better solver than gradient steps. `solver="least_squares"` hands the
exact Jacobian of the network to `scipy.optimize.least_squares` (Levenberg-Marquardt); all
solvers minimise the same objective.
"""

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import make_mackey_glass

warnings.simplefilter("ignore", ConvergenceWarning)  # each gets a number of iterations, not all that it wants
series = make_mackey_glass(1506, random_state=0)
X = SlidingWindow(n_timesteps=24).fit_transform(series[:-6, np.newaxis])
y = series[6:]  # six steps ahead
train, test = slice(24, 1000), slice(1000, None)

# %%
# One network, three solvers, about as many seconds each (they depend on the machine, and so do
# the curves' lengths).

settings = {
    "adam": {"max_iter": 150, "learning_rate_init": 0.01, "n_iter_no_change": np.inf},
    "lbfgs": {"max_iter": 500},
    "least_squares": {"max_iter": 120},
}
figure, axes = plt.subplots()
for solver, limits in settings.items():
    model = RNNRegressor((8,), solver=solver, alpha=1e-6, tol=1e-6, random_state=0, **limits)
    start = time.perf_counter()
    model.fit(X[train], y[train])
    seconds = time.perf_counter() - start
    error = np.sqrt(np.mean((model.predict(X[test]) - y[test]) ** 2)) / y[test].std()
    print(f"{solver:<14} {model.n_iter_:>4} iterations, {seconds:4.1f} s, test error {error:.4f} standard deviations")
    axes.plot(np.linspace(0, seconds, model.n_iter_), model.loss_curve_, label=solver)
axes.set(xlabel="seconds", ylabel="objective", yscale="log")
axes.legend()
plt.show()

# %%
# :doc:`Which solver when </solvers>` has nine of them on five problems, with seeds and
# baselines.
