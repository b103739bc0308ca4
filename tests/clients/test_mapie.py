"""Tests of the formats of X accepted by the conformal estimators of MAPIE, as described in docs/other_tools.md."""

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from mapie.regression import CrossConformalRegressor, SplitConformalRegressor

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots

SERIES, NEXT_YEAR = load_sunspots(return_X_y=True)
WINDOWS = SlidingWindow(6).fit_transform(SERIES)
#: form: (the windows in it, a parameter of the network that reads it).
FORMS = {
    "3-D": (WINDOWS, {}),
    "table": (WINDOWS.reshape(len(WINDOWS), -1), {"n_timesteps": 6}),
    "list": ([window[~np.isnan(window[:, 0])] for window in WINDOWS], {}),
}
SETTINGS = {"solver": "lbfgs", "tol": 0.05, "random_state": 0}


@pytest.mark.parametrize("form", FORMS)
def test_regressors_take_every_form(form):
    X, parameters = FORMS[form]
    network = RNNRegressor((4,), **SETTINGS, **parameters)
    split = SplitConformalRegressor(network, confidence_level=0.9, prefit=False)
    split.fit(X[:180], NEXT_YEAR[:180]).conformalize(X[180:250], NEXT_YEAR[180:250])
    crossed = CrossConformalRegressor(network, confidence_level=0.9).fit_conformalize(X[:250], NEXT_YEAR[:250])
    for conformal in (split, crossed):
        intervals = conformal.predict_interval(X[250:])[1]
        inside = (intervals[:, 0, 0] <= NEXT_YEAR[250:]) & (NEXT_YEAR[250:] <= intervals[:, 1, 0])
        assert inside.mean() > 0.6


@pytest.mark.parametrize("form", FORMS)
def test_split_conformal_classifier_takes_tables_alone(form):
    X, parameters = FORMS[form]
    y = (NEXT_YEAR > 50).astype(int)
    network = RNNClassifier((4,), **SETTINGS, **parameters)
    conformal = SplitConformalClassifier(network, confidence_level=0.9, prefit=False).fit(X[:180], y[:180])
    if form == "table":
        assert conformal.conformalize(X[180:250], y[180:250]).predict_set(X[250:])[1].shape == (58, 2, 1)
    else:
        with pytest.raises(ValueError, match="mismatch"):
            conformal.conformalize(X[180:250], y[180:250])
