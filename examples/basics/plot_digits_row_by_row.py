"""
Handwritten digits, row by row
==============================

An image of eight rows of eight pixels can be read as a sequence: the network reads one row after another, from the top,
and predicts the digit after the last. `stream()` shows how the prediction develops.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skrnn import RNNClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
X_train.shape

# %%
# The table has 64 columns. `n_timesteps=8` folds them into eight timesteps of eight features. (An array of shape
# (n_samples, 8, 8) works too, without `n_timesteps`.)

model = RNNClassifier((32,), cell="gru", n_timesteps=8, learning_rate_init=0.01, random_state=0)
model = model.fit(X_train, y_train)
round(model.score(X_test, y_test), 2)

# %%
# Other seeds and other processors change the accuracy by about one percentage point.
#
# A stream reads one timestep at a time, here of six images in parallel, and predicts after each timestep as if the
# image ended there.

shown = [np.flatnonzero(y_test == digit)[0] for digit in (0, 1, 3, 5, 7, 9)]
images = X_test[shown].reshape(-1, 8, 8)
stream = model.stream(n_sequences=len(images))
opinions = np.array([stream.predict_proba(images[:, row]) for row in range(8)])  # (n_timesteps, n_sequences, n_classes)

figure, axes = plt.subplots(2, len(images), figsize=(7, 4))
for column, image in enumerate(images):
    axes[0, column].imshow(image, cmap="Greys")
    axes[0, column].set_axis_off()
    axes[1, column].imshow(opinions[:, column], cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes[1, column].set_xticks([0, 3, 6, 9])
    axes[1, column].set_yticks([])
    axes[1, column].set_xlabel("digit")
axes[1, 0].set_ylabel("rows read, downwards")
figure.suptitle("The image, and the probability of each digit after each of its rows")
plt.show()
