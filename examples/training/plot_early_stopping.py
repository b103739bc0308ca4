"""
Callbacks: early stopping on any score
======================================

`early_stopping=True` uses the estimator's own `score`. With scikit-learn 1.9 or later, the callback `EarlyStoppingOn`
can use any scorer and any data to end the fit and to keep the best iteration.
"""

import matplotlib.pyplot as plt
import numpy as np

from skrnn import RNNClassifier
from skrnn.callbacks import EarlyStoppingOn
from skrnn.datasets import load_japanese_vowels
from skrnn.plotting import LossCurveDisplay

X, y = load_japanese_vowels(subset="train", return_X_y=True)
order = np.random.RandomState(0).permutation(len(X))
X, y = [X[i] for i in order], y[order]
X_train, y_train, X_val, y_val = X[:200], y[:200], X[200:], y[200:]

# %%
# The fit stops when the log loss on the held-out utterances has not improved for 15 epochs.

stopping = EarlyStoppingOn("neg_log_loss", X_val, y_val, n_iter_no_change=15)
model = RNNClassifier((16,), cell="gru", learning_rate_init=0.01, max_iter=300, random_state=0)
model.set_callbacks(stopping).fit(X_train, y_train)
model.n_iter_, int(np.argmax(stopping.scores_)) + 1, round(stopping.best_score_, 3)

# %%
# The numbers are the epochs of the fit, the epoch that was kept, and its score.

figure, axes = plt.subplots()
axes.plot(range(1, model.n_iter_ + 1), np.negative(stopping.scores_))
axes.axvline(np.argmax(stopping.scores_) + 1, color="0.6", linestyle=":", label="kept")
axes.set(xlabel="epoch", ylabel="log loss, held-out utterances", yscale="log")
axes.legend()
plt.show()

# %%
# Without callbacks, `early_stopping` can use your own validation data. The display marks the epoch whose weights were
# kept.

by_accuracy = RNNClassifier((16,), cell="gru", learning_rate_init=0.01, early_stopping=True, random_state=0)
by_accuracy.fit(X_train, y_train, X_val=X_val, y_val=y_val)
LossCurveDisplay.from_estimator(by_accuracy, log_scale=True)
plt.show()
