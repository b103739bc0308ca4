"""scikit-learn's checks of the ensembles."""

import pytest
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import check_estimator

from skrnn import RNNRegressor
from skrnn.ensemble import (
    ChangeRegressor,
    EnsembleClassifier,
    EnsembleRegressor,
    HybridRegressor,
    ResidualRegressor,
    SeasonalRegressor,
)

#: A column vector y is one of several outputs; NaN in X is checked by the inner estimator.
OF_WINDOWS = {"check_supervised_y_2d", "check_estimators_pickle"}
NETWORK = RNNRegressor((2,), solver="lbfgs", max_iter=10)
TREE = DecisionTreeRegressor(max_depth=3)


MODELS = [
    (ChangeRegressor(Ridge()), OF_WINDOWS),
    (SeasonalRegressor(Ridge(), 1), {*OF_WINDOWS, "check_fit2d_1feature"}),  # a season is longer
    (EnsembleRegressor(TREE, 2, random_state=0), {"check_supervised_y_2d"}),
    (EnsembleClassifier(DecisionTreeClassifier(max_depth=3), 2, random_state=0), {"check_supervised_y_2d"}),
    (
        ResidualRegressor([("linear", Ridge()), ("tree", TREE)], shrinkage=None),
        {
            "check_estimator_sparse_tag",  # X is validated by its estimators
            "check_estimator_sparse_array",
            "check_estimator_sparse_matrix",
            "check_supervised_y_2d",
        },
    ),
    (
        HybridRegressor(Ridge(), NETWORK, Ridge(), n_networks=1, random_state=0),
        {
            "check_sample_weight_equivalence_on_dense_data",  # chronological folds have other borders
            "check_fit2d_1feature",  # its change is nothing
        },
    ),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.axis(("model", "expected"), MODELS, ids=lambda value: type(value[0]).__name__, quick=MODELS[:-1])
def test_checks(model, expected):
    results = check_estimator(model, on_fail=None, on_skip=None)
    failed = {result["check_name"] for result in results if result["status"] == "failed"}
    assert failed <= expected
    assert len(results) > 50
