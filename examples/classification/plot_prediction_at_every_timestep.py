"""
A prediction at every timestep: how early is the speaker known?
===============================================================

With `return_sequences=True` the classifier predicts after each timestep. Trained in this way, it makes correct
predictions earlier. The figure shows the fraction of correct predictions after 1, 2, 3, ... timesteps.
"""

import matplotlib.pyplot as plt
import numpy as np

from skrnn import RNNClassifier
from skrnn.datasets import load_japanese_vowels

X_train, y_train = load_japanese_vowels(subset="train", return_X_y=True)
X_test, y_test = load_japanese_vowels(subset="test", return_X_y=True)

settings = {"cell": "gru", "solver": "lbfgs", "random_state": 0}
at_the_end = RNNClassifier((16,), **settings).fit(X_train, y_train)

# %%
# With a target at each timestep, the speaker is repeated for all timesteps. Targets are a list, like the sequences.

y_each = [np.full(len(utterance), speaker) for utterance, speaker in zip(X_train, y_train, strict=True)]
always = RNNClassifier((16,), return_sequences=True, **settings).fit(X_train, y_each)
[len(predictions) for predictions in always.predict(X_test)[:5]]

# %%
# The network that was trained at the end alone can also predict at each timestep, as a stream. All utterances are
# processed in parallel; the timesteps of those that have ended are NaN, so that their states do not change.

n_timesteps = 15
right = {"trained at every timestep": [], "trained at the end": []}
streams = [always.stream(len(X_test)), at_the_end.stream(len(X_test))]
for t in range(n_timesteps):
    timestep = np.array([utterance[t] if t < len(utterance) else np.full(12, np.nan) for utterance in X_test])
    running = np.array([t < len(utterance) for utterance in X_test])
    for of_model, stream in zip(right.values(), streams, strict=True):
        of_model.append(np.mean(stream.predict(timestep)[running] == y_test[running]))

figure, axes = plt.subplots()
for (name, shares), marker in zip(right.items(), "os", strict=True):
    axes.plot(range(1, n_timesteps + 1), shares, marker=marker, markersize=4, label=name)
axes.axhline(1 / 9, color="0.6", linestyle=":", label="guessing")
axes.set(xlabel="timesteps heard", ylabel="share of right predictions", ylim=(0, 1.02))
axes.legend(loc="lower right")
plt.show()
