"""Tests of the arguments that ensembles pass to their estimators."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from skrnn.ensemble import HybridRegressor, ResidualRegressor


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([-1.0, 1.0, 1.0, 1.0], "sample_weight contains -1.0; expected weights >= 0"),
        ([np.nan, 1.0, 1.0, 1.0], "sample_weight contains nan; expected finite weights >= 0"),
        ([0.0, 0.0, 0.0, 0.0], "sample_weight is zero for all samples"),
        ([1.0, 1.0, 1.0], r"sample_weight has shape \(3,\); expected \(4,\)"),
        (np.ones((4, 1)), r"sample_weight has shape \(4, 1\); expected \(4,\)"),
        (["a", "b", "c", "d"], "sample_weight.*Expected 4 numbers >= 0"),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "model", [HybridRegressor(), ResidualRegressor([("ridge", Ridge())])], ids=["hybrid", "residual"]
)
def test_weights_that_are_refused(model, weights, message):
    with pytest.raises(ValueError, match=message):
        model.fit(np.arange(12.0).reshape(4, 3), np.arange(4.0), sample_weight=weights)
