"""
Grid search over windows, cells and sizes
=========================================

How long should the window be, and which recurrent unit works best? `SlidingWindow` is a step of the pipeline, so its
length is a parameter of the grid like any other. `TimeSeriesSplit` keeps the chronological order: every fold is tested
on later years.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots

sunspots = load_sunspots()
training = sunspots.target_years <= 1920
X, y = sunspots.data[training], sunspots.target[training]

model = make_pipeline(SlidingWindow(), RNNRegressor((4,), solver="lbfgs", alpha=1.0, tol=1e-3, random_state=0))
grid = {
    "slidingwindow__n_timesteps": [3, 6, 12, 24],
    "rnnregressor__cell": ["rnn", "gru", "lstm"],
}
search = GridSearchCV(model, grid, cv=TimeSeriesSplit(4), scoring="neg_root_mean_squared_error").fit(X, y)
search.best_params_

# %%
# This choice depends on the random start: the scores of the settings differ little, and another `random_state` may
# select another one.
#
# In each fold, windows are made after the split, so windows of the test part contain no training rows and vice versa.
# (With `SlidingWindow(carry_context=True)` the first windows of a test part would contain the end of the training part,
# like forecasts in use.)

scores = -search.cv_results_["mean_test_score"].reshape(3, 4)
figure, axes = plt.subplots(figsize=(6, 3.2))
image = axes.imshow(scores, cmap="Blues_r", aspect="auto")
for (row, column), score in np.ndenumerate(scores):
    inside = "white" if score < scores.mean() else "black"
    axes.text(column, row, f"{score:.1f}", ha="center", va="center", color=inside)
axes.set_xticks(range(4), grid["slidingwindow__n_timesteps"])
axes.set_yticks(range(3), grid["rnnregressor__cell"])
axes.set(xlabel="length of the window in years", title="RMSE in cross-validation (sunspots)")
plt.show()

# %%
# `search` contains the best model, refitted to all training years. It makes one prediction per row:

search.predict(X).shape
