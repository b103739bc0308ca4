"""
Solvers: least squares, L-BFGS and Adam on a nerve cell
=======================================================

For small networks there are better solvers than gradient descent. `solver="least_squares"` passes the exact Jacobian of
the network to `scipy.optimize.least_squares` (Levenberg-Marquardt). All solvers minimise the same objective.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cbook import get_sample_data
from sklearn.linear_model import RidgeCV

from skrnn import RNNRegressor, SlidingWindow

# %%
# The data are the membrane potential of a nerve cell, from Matplotlib's sample data (it was the background of
# Matplotlib's first logo): three seconds of steady firing, one value per millisecond. The task is to forecast four
# milliseconds ahead from the last 24. The first two seconds are used for training, the third for testing.

recording = np.fromfile(get_sample_data("membrane.dat", asfileobj=False), np.float32)
potential = recording[1000:7008:2].astype(float)
X = SlidingWindow(n_timesteps=24).fit_transform(potential[:-4, np.newaxis])
y = potential[4:]
train, test = slice(24, 2000), slice(2000, None)


def error(model, windows):
    """Return the root mean squared error on the test part, in standard deviations of the potential."""
    return np.sqrt(np.mean((model.predict(windows[test]) - y[test]) ** 2)) / y[test].std()


lags = X[:, :, 0]
of_ridge = error(RidgeCV(np.logspace(-3, 3, 13)).fit(lags[train], y[train]), lags)
f"ridge regression: test error {of_ridge:.2f} standard deviations"

# %%
# A spike occurs when a threshold is exceeded, which no weighted sum of past values can express. The same network is now
# trained with three solvers, for about the same time each (times, and so the lengths of the curves, depend on the
# machine), from the same three starts.

settings = {
    "adam": {"learning_rate_init": 0.01},
    "lbfgs": {"max_iter": 180, "tol": 1e-6},
    "least_squares": {"max_iter": 35, "tol": 1e-6},
}
figure, axes = plt.subplots()
for (solver, limits), colour in zip(settings.items(), ["C0", "C1", "C2"], strict=True):
    objectives, errors = [], []
    for start in range(3):
        model = RNNRegressor((8,), solver=solver, random_state=start, **limits)
        begin = time.perf_counter()
        model.fit(X[train], y[train])
        seconds = np.linspace(0, time.perf_counter() - begin, model.n_iter_)
        label = solver if start == 0 else None
        axes.plot(seconds, model.loss_curve_, color=colour, linewidth=1, label=label)
        objectives.append(model.loss_curve_[-1])
        errors.append(error(model, X))
    print(f"{solver:<13} objective {np.round(objectives, 3)}, test error {np.round(errors, 2)}")
axes.set(xlabel="seconds", ylabel="objective", yscale="log", ylim=(0.009, 1))
axes.legend()
plt.show()

# %%
# Least squares reaches the lowest objective from most starts. In the third second the solvers differ no more than the
# starts, and all of them have much smaller errors than ridge regression.
#
# :doc:`Choosing a solver </solvers>` compares nine of them on five problems, with several seeds and baselines.
