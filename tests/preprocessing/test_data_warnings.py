"""Tests of what is said of rows of which windows are most likely not what was meant."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNRegressor, SlidingWindow
from tests.data_warnings import assert_warned_once, data_warnings

SERIES = np.sin(np.arange(40.0))[:, np.newaxis]
X, Y = SERIES[:-1], SERIES[1:, 0]
GROUPS = np.repeat(["north", "south"], [30, 9])
SHORT = "No row of X has a complete window of 5 rows"


def lags(**parameters):
    return make_pipeline(
        StandardScaler(), SlidingWindow(5, **{"padding": "edge", "flatten": True, **parameters}), Ridge()
    )


def network():
    return make_pipeline(SlidingWindow(5), RNNRegressor((2,), max_iter=1, random_state=0))


# Rows without their history


@pytest.mark.parametrize("n_rows", [1, 4])
@pytest.mark.parametrize("make_model", [lags, network])
def test_predictions_for_fewer_rows_than_a_window(n_rows, make_model):
    model = make_model()
    assert data_warnings(lambda: model.fit(X, Y)) == []
    assert_warned_once(lambda: model.predict(X[-n_rows:]), SHORT, "Pass the preceding rows too", "carry_context=True")
    assert_warned_once(lambda: model.score(X[-4:], Y[-4:]), SHORT)
    assert data_warnings(lambda: model.predict(X[-5:])) == []
    assert data_warnings(lambda: model.predict(X)) == []


def test_rows_that_follow_on_from_those_of_fit():
    model = lags(carry_context=True).fit(X, Y)
    assert data_warnings(lambda: model.predict(X[-1:])) == []
    assert data_warnings(lambda: SlidingWindow(1).fit(X).transform(X[:1])) == []
    folds = TimeSeriesSplit(3, test_size=2)
    assert data_warnings(lambda: cross_val_score(lags(carry_context=True), X, Y, cv=folds)) == []
    assert len(data_warnings(lambda: cross_val_score(lags(), X, Y, cv=folds))) == 3


def test_dilated_windows_reach_further_back():
    windows = SlidingWindow(3, dilation=4).fit(X)
    assert_warned_once(lambda: windows.transform(X[:8]), "a complete window of 9 rows")
    assert data_warnings(lambda: windows.transform(X[:9])) == []


def test_groups_without_their_history():
    windows = SlidingWindow(5).fit(X, groups=GROUPS)
    assert data_warnings(lambda: windows.transform(X, groups=GROUPS)) == []
    few = [*range(26, 30), *range(35, 39)]  # four of each
    assert_warned_once(lambda: windows.transform(X[few], groups=GROUPS[few]), SHORT)
    one_is_whole = [*range(25, 30), *range(38, 39)]
    assert data_warnings(lambda: windows.transform(X[one_is_whole], groups=GROUPS[one_is_whole])) == []
    table = pd.DataFrame({"shop": GROUPS, "sales": X[:, 0]})
    by_shop = SlidingWindow(5, group_column="shop").fit(table)
    assert_warned_once(lambda: by_shop.transform(table.iloc[few]), SHORT)


def test_a_short_series_to_fit_to():
    assert data_warnings(lambda: SlidingWindow(50).fit_transform(X)) == []


# Targets that are features


@pytest.mark.parametrize(
    "make_rows", [np.asarray, pd.DataFrame, lambda rows: pl.DataFrame({"a": rows[:, 0], "b": rows[:, 1]})]
)
@pytest.mark.parametrize("make_target", [np.asarray, pd.Series, lambda values: pl.Series("y", values)])
def test_target_that_is_a_column(make_rows, make_target):
    rows = make_rows(np.column_stack([SERIES**2, SERIES]))
    y = make_target(SERIES[:, 0])
    message = "y equals feature 1 of X in every row"
    assert_warned_once(lambda: network().fit(rows, y), message, "Shift y, as skrnn.forecasting.to_supervised does")
    assert_warned_once(lambda: SlidingWindow(3).fit_transform(rows, y), message)
    assert_warned_once(lambda: SlidingWindow(3).fit(rows, y), message)


def test_targets_that_are_no_column():
    rows = np.column_stack([SERIES, np.ones(40)])
    shifted = np.roll(SERIES[:, 0], -1)
    for y in (None, shifted, np.ones(40), SERIES, [], SERIES[:5, 0], np.full(40, "a"), [[1.0], [1.0, 2.0]]):
        assert data_warnings(lambda y=y: SlidingWindow(3).fit(rows, y)) == []
    changed = SERIES[:, 0].copy()
    changed[7] += 1e-9
    assert data_warnings(lambda: SlidingWindow(3).fit(rows, changed)) == []
    assert data_warnings(lambda: SlidingWindow(3).fit(rows[:9], SERIES[:9, 0])) == []  # by chance


def test_group_column_is_not_a_feature():
    table = pd.DataFrame({"shop": np.repeat([0.0, 1.0], 20), "sales": SERIES[:, 0]})
    by_shop = SlidingWindow(3, group_column="shop")
    assert data_warnings(lambda: by_shop.fit(table, table["shop"])) == []
    assert_warned_once(lambda: by_shop.fit(table, table["sales"]), "y equals feature 0 of X")
