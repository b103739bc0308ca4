"""
Quantile losses: intervals that the network predicts
====================================================

With `loss="quantile"` and several levels, a single network predicts one column per level, and the columns never cross.
Such intervals can be wide when the future is uncertain and narrow when it is not.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import mean_pinball_loss
from sklearn.pipeline import make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots

sunspots = load_sunspots()
X, y, years = sunspots.data, sunspots.target, sunspots.target_years
training = years <= 1920

levels = [0.05, 0.25, 0.5, 0.75, 0.95]
network = RNNRegressor((4,), loss="quantile", quantile=levels, solver="lbfgs", alpha=1.0, tol=1e-3, random_state=0)
model = make_pipeline(SlidingWindow(n_timesteps=12), network).fit(X[training], y[training])
quantiles = model.predict(X)
quantiles.shape

# %%
# High numbers are less certain than low ones, so the band is wide at the maxima of the cycles and narrow at the minima.

test = ~training
figure, axes = plt.subplots()
axes.fill_between(
    years[test],
    quantiles[test, 0],
    quantiles[test, 4],
    color="#cfe3f2",
    label="5 % to 95 %",
)
axes.fill_between(
    years[test],
    quantiles[test, 1],
    quantiles[test, 3],
    color="#8fbfe0",
    label="25 % to 75 %",
)
axes.plot(years[test], quantiles[test, 2], linewidth=1, label="median")
axes.plot(years[test], y[test], ".", color="black", markersize=4, label="observed")
axes.set(xlabel="year", ylabel="sunspot number", xlim=(1921, 2008), ylim=(0, 260))
axes.legend(ncols=4, loc="upper left", fontsize=9)
plt.show()

# %%
# The nominal coverage can be compared with the observed one. The later cycles are higher than all cycles in the
# training data, and there the intervals are too narrow.

for first, last in [(1921, 1955), (1956, 2008)]:
    period = (years >= first) & (years <= last)
    inside = (quantiles[period, 0] <= y[period]) & (y[period] <= quantiles[period, 4])
    width = np.mean(quantiles[period, 4] - quantiles[period, 0])
    loss = np.mean([mean_pinball_loss(y[period], quantiles[period, i], alpha=q) for i, q in enumerate(levels)])
    print(f"{first}-{last}: the 90 % interval covers {inside.mean():.0%}, width {width:.0f}, pinball loss {loss:.1f}")
