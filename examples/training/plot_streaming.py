"""
Streaming: data that arrive while they are predicted on
=======================================================

`stream()` takes a timestep and answers, with the state made explicit: to be read, kept, set
back, or begun anew. What it answers is what `predict` says at that timestep of the whole
sequence. Here a network simulates a nonlinear plant: it sees the input alone, never the output.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNRegressor
from skrnn.datasets import make_narendra

warnings.simplefilter("ignore", ConvergenceWarning)  # a hundred iterations will do
X, y = make_narendra(1500, random_state=0)  # one input and one output a timestep
model = RNNRegressor(
    (10,),
    return_sequences=True,
    solver="least_squares",
    alpha=1e-5,
    max_iter=60,
    random_state=0,
)
model = model.fit(X.reshape(10, 150, 1), y.reshape(10, 150))

# %%
# A new input, one value after another, as a controller would send it: sines, then a jump.

inputs = np.concatenate([0.8 * np.sin(np.arange(120) * 2 * np.pi / 40), np.full(40, 0.5), np.full(40, -0.5)])
_, outputs = make_narendra(inputs=inputs)
stream = model.stream()
answers = np.array([stream.predict([[value]])[0] for value in inputs])

figure, axes = plt.subplots()
axes.plot(outputs, color="0.8", linewidth=4, label="plant")
axes.plot(answers, linewidth=1, label="network, from the input alone")
axes.set(xlabel="timestep", ylabel="output", ylim=(-1.1, 1.3))
axes.legend(ncols=2, loc="upper left")
plt.show()

# %%
# The state is a copy when read. Set back, the network answers as it did: to look ahead at what
# an input would do, and then decide.

state = stream.state
for value in (-1.0, 0.0, 1.0):
    stream.state = state
    print(f"an input of {value:4.1f} would give {stream.predict([[value]])[0]:5.2f}")
stream.state = state

# %%
# Streams and predictions agree:

bool(np.allclose(answers, model.predict(inputs[np.newaxis, :, np.newaxis])[0]))
