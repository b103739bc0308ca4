"""
What a network remembers: hidden states and the unrolled network
================================================================

`skrnn.plotting` has displays for recurrent networks: the hidden states after each timestep, and the network itself with
the shape of every parameter.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots
from skrnn.plotting import HiddenStateDisplay, UnrolledDisplay

X, y = load_sunspots(return_X_y=True)
network = RNNRegressor((8,), cell="gru", solver="lbfgs", alpha=1.0, tol=1e-3, random_state=0)
model = make_pipeline(SlidingWindow(n_timesteps=12), network).fit(X[:220], y[:220])

# %%
# The first display shows a window of twelve years, and the states of the eight units after each year. The window ends
# in 1957, the year of the highest number.

HiddenStateDisplay.from_estimator(model, X, sample=257, feature_names=["sunspots"])
plt.show()

# %%
# The states can be used as features for other estimators: `hidden_states` returns them, (n_samples, n_timesteps,
# n_units).

windows = model[:-1].transform(X)
states = network.hidden_states(windows)
states.shape

# %%
# The prediction is a linear function of the last state:

predictions = states[:, -1] @ network.readout_weights_.T + network.readout_bias_
bool(np.allclose(predictions[:, 0], model.predict(X)))

# %%
# The second display shows the network, unrolled over time. Each letter is a parameter, the same at every timestep.

UnrolledDisplay.from_estimator(model)
plt.show()
