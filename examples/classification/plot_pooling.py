"""
Pooling: a digit somewhere in a strip
=====================================

A strip of 60 rows contains a handwritten digit, 8 rows high, at a random position; the other rows are noise. The
network reads the strip row by row. By default, its readout uses the last state, so the network has to remember the
digit while it reads the noise that follows. With `pooling="max"` the readout uses the maximum of each unit over all
rows.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skrnn import RNNClassifier

images, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
X = rng.integers(0, 3, size=(len(images), 60, 8)).astype(np.float32)
for strip, image, start in zip(X, images.reshape(-1, 8, 8), rng.integers(0, 52, len(images)), strict=True):
    strip[start : start + 8] = image
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

figure, axes = plt.subplots(1, 8, figsize=(6.4, 5.4))
for ax, strip, digit in zip(axes, X_train, y_train, strict=False):
    ax.imshow(strip, cmap="Greys")
    ax.set(title=digit, xticks=[], yticks=[])
plt.show()

# %%
# Here are the accuracies of three networks that differ only in their pooling, and of logistic regression on all pixels,
# which cannot find out where the digit is:

scores = {}
for pooling in ("last", "mean", "max"):
    model = RNNClassifier((32,), pooling=pooling, learning_rate_init=0.005, early_stopping=True, random_state=0)
    scores[f'pooling="{pooling}"'] = model.fit(X_train, y_train).score(X_test, y_test)
linear = LogisticRegression(max_iter=1000).fit(X_train.reshape(-1, 480) / 16, y_train)
scores["logistic regression"] = linear.score(X_test.reshape(-1, 480) / 16, y_test)
for name, score in scores.items():
    print(f"{name:<20} accuracy {score:.2f}")

# %%
# A gated cell remembers better: with `cell="gru"` the last state alone has about the same accuracy as the maximum here,
# but takes more than twice the time. Another way to shorten the memory that a task requires is
# :class:`~skrnn.preprocessing.PatchSequences`; :doc:`/long_sequences` compares both.
