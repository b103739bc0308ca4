"""
Ensembles: ten seeds are better than one
========================================

A small network depends on its random start. `EnsembleClassifier` fits an estimator with several
seeds and averages their probabilities; `EnsembleRegressor` does the same with predictions.
"""

import matplotlib.pyplot as plt
import numpy as np

from skrnn import RNNClassifier
from skrnn.datasets import load_japanese_vowels
from skrnn.ensemble import EnsembleClassifier

X_train, y_train = load_japanese_vowels(subset="train", return_X_y=True)
X_test, y_test = load_japanese_vowels(subset="test", return_X_y=True)
network = RNNClassifier((16,), cell="gru", bidirectional=True, solver="lbfgs")
ensemble = EnsembleClassifier(network, n_estimators=10, random_state=0).fit(X_train, y_train)
members = [member.score(X_test, y_test) for member in ensemble.estimators_]
print(f"members:  accuracy {np.mean(members):.3f}, from {min(members):.3f} to {max(members):.3f}")
print(f"ensemble: accuracy {ensemble.score(X_test, y_test):.3f}")

# %%
# Where members disagree, the ensemble is less certain: its mean probabilities say where it may be wrong.

probabilities = ensemble.predict_proba(X_test).max(axis=1)
is_right = ensemble.predict(X_test) == y_test
figure, axes = plt.subplots(figsize=(6.4, 3))
bins = np.linspace(0, 1, 21)
axes.hist([probabilities[is_right], probabilities[~is_right]], bins, stacked=True, label=["right", "wrong"])
axes.set(xlabel="probability of the predicted speaker", ylabel="recordings", xlim=(0, 1), yscale="log")
axes.legend(loc="upper left")
plt.show()

# %%
# The most certain half of the predictions:

certain = probabilities > np.median(probabilities)
print(f"accuracy {np.mean(is_right[certain]):.3f}")
