"""
Sequences of unequal length: who is speaking?
=============================================

Nine speakers utter two Japanese vowels. An utterance has 7 to 29 timesteps of 12 features. The classifier accepts a
list of arrays, or an array padded with NaN; the results are the same to the last bit.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay

from skrnn import RNNClassifier
from skrnn.datasets import load_japanese_vowels

X_train, y_train = load_japanese_vowels(subset="train", return_X_y=True)
X_test, y_test = load_japanese_vowels(subset="test", return_X_y=True)
[utterance.shape for utterance in X_train[:4]]

# %%
model = RNNClassifier((16,), cell="gru", bidirectional=True, solver="lbfgs", random_state=0)
model.fit(X_train, y_train)
f"accuracy {model.score(X_test, y_test):.2f} on {len(X_test)} utterances"

# %%
# The padded array has the same predictions. A timestep that is NaN in every feature is masked: it is skipped, and the
# state does not change.


def padded(utterances, n_timesteps=29):
    """Return the utterances as one array, (n_samples, n_timesteps, n_features), with NaN after the end of each."""
    array = np.full((len(utterances), n_timesteps, 12), np.nan)
    for row, utterance in zip(array, utterances, strict=True):
        row[: len(utterance)] = utterance
    return array


bool((model.predict_proba(padded(X_test)) == model.predict_proba(X_test)).all())

# %%
# The confusion matrix:

figure, axes = plt.subplots(figsize=(4.6, 4.2))
ConfusionMatrixDisplay.from_predictions(y_test, model.predict(X_test), ax=axes, cmap="Blues", colorbar=False)
axes.set(xlabel="predicted speaker", ylabel="speaker")
plt.show()

# %%
# The first utterance of the test set, as read by the network:

figure, axes = plt.subplots(figsize=(6.4, 2.6))
image = axes.imshow(X_test[0].T, cmap="RdBu_r", vmin=-1.5, vmax=1.5, aspect="auto")
axes.set(xlabel="timestep", ylabel="cepstrum coefficient")
figure.colorbar(image)
plt.show()
