"""
What a network remembers: hidden states and the unrolled network
================================================================

The displays of `skrnn.plotting` draw what is particular to recurrent networks: the states after
each timestep, and the network itself with the shape of every parameter.
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
# A window of twelve years, and the eight units after each of them. The window ends in 1957, the
# year of the highest number.

HiddenStateDisplay.from_estimator(model, X, sample=257, feature_names=["sunspots"])
plt.show()

# %%
# The states are features too: `hidden_states` returns them, (n_samples, n_timesteps, n_units),
# for any other estimator.

windows = model[:-1].transform(X)
states = network.hidden_states(windows)
states.shape

# %%
# The prediction is linear in the last of them:

predictions = states[:, -1] @ network.readout_weights_.T + network.readout_bias_
bool(np.allclose(predictions[:, 0], model.predict(X)))

# %%
# The network, unrolled over time. One letter is one parameter, the same at every timestep.

UnrolledDisplay.from_estimator(model)
plt.show()
