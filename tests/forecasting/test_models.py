"""Tests of what a model tells of itself through the estimators that hold it."""

import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from skrnn.ensemble import ChangeRegressor, EnsembleRegressor, ResidualRegressor
from skrnn.forecasting._models import group_column, n_history_rows, parts, quantile_levels


def windows(n_timesteps, **parameters):
    return SlidingWindow(n_timesteps, flatten=True, **parameters)


def of(n_timesteps, **parameters):
    return make_pipeline(windows(n_timesteps, **parameters), Ridge())


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (Ridge(), 0),
        (of(4), 3),
        (make_pipeline(windows(4), windows(3, dilation=2), Ridge()), 7),
        (ResidualRegressor([("a", of(4)), ("b", of(6)), ("c", "drop")]), 5),
        (VotingRegressor([("a", of(4)), ("b", of(6))]), 5),
        (EnsembleRegressor(of(4)), 3),
        (TransformedTargetRegressor(of(4)), 3),
        (GridSearchCV(of(4), {}), 3),
        (make_pipeline(windows(3), FeatureUnion([("a", windows(4)), ("b", windows(2))]), Ridge()), 5),
        (make_pipeline(windows(3), ResidualRegressor([("a", of(4)), ("b", ChangeRegressor(of(6)))])), 7),
    ],
)
def test_history_is_that_of_the_longest_way(model, expected):
    assert n_history_rows(model) == expected


def test_parts_are_seen_through_ensembles():
    quantiles = EnsembleRegressor(RNNRegressor(loss="quantile", quantile=[0.1, 0.9]))
    inner = make_pipeline(SlidingWindow(3, group_column="shop"), ChangeRegressor(quantiles))
    model = ResidualRegressor([("first", of(4)), ("second", inner)])
    assert group_column(model) == "shop"
    assert quantile_levels(model).tolist() == [0.1, 0.9]
    assert {type(part) for part in parts(model)} >= {ResidualRegressor, SlidingWindow, EnsembleRegressor, RNNRegressor}
