"""Tests of the X and y that are made of a series."""

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from skrnn.forecasting import Supervised, forecast, to_supervised
from tests.examples import examples


@given(
    n_rows=st.integers(2, 30),
    n_series=st.integers(1, 3),
    n_steps=st.integers(1, 5),
    n_groups=st.integers(1, 4),
    seed=st.integers(0, 100),
)
@examples(80)
def test_targets_are_the_next_rows_of_the_group(n_rows, n_series, n_steps, n_groups, seed):
    rng = np.random.default_rng(seed)
    series, groups = rng.normal(size=(n_rows, n_series)), rng.integers(n_groups, size=n_rows)
    expected = {}
    for group in range(n_groups):
        rows = np.flatnonzero(groups == group)
        for position, row in enumerate(rows[: max(0, len(rows) - n_steps)]):
            expected[row] = series[rows[position + 1 : position + 1 + n_steps]].ravel()
    if not expected:
        with pytest.raises(ValueError, match="no row has all its targets"):
            to_supervised(series, n_steps=n_steps, groups=groups)
        return
    is_short = np.bincount(groups, minlength=n_groups)
    if any(0 < count <= n_steps for count in is_short):
        with pytest.warns(UserWarning, match="are dropped"):
            supervised = to_supervised(series, n_steps=n_steps, groups=groups)
    else:
        supervised = to_supervised(series, n_steps=n_steps, groups=groups)
    assert supervised.rows.tolist() == sorted(expected)
    assert supervised.n_dropped == n_rows - len(expected)
    np.testing.assert_array_equal(supervised.X, series[supervised.rows])
    targets = np.array([expected[row] for row in supervised.rows])
    np.testing.assert_array_equal(supervised.y, targets[:, 0] if targets.shape[1] == 1 else targets)


@pytest.mark.parametrize(
    ("shape", "n_steps", "expected"),
    [((9,), 1, (8,)), ((9, 1), 1, (8,)), ((9,), 3, (6, 3)), ((9, 2), 1, (8, 2)), ((9, 2), 3, (6, 6))],
)
def test_shapes(shape, n_steps, expected):
    supervised = to_supervised(np.arange(np.prod(shape), dtype=float).reshape(shape), n_steps=n_steps)
    assert supervised.y.shape == expected
    assert supervised.X.shape == (expected[0], shape[1] if len(shape) == 2 else 1)


def test_result_unpacks_says_what_it_is_and_survives_pickling():
    supervised = to_supervised([1.0, 2.0, 3.0, 4.0], n_steps=2)
    X, y = supervised
    assert isinstance(supervised, Supervised)
    assert X is supervised.X
    assert y is supervised.y
    assert repr(supervised) == "Supervised(X: (2, 1), y: (2, 2), n_dropped: 2)"
    for twin in (pickle.loads(pickle.dumps(supervised)), copy.deepcopy(supervised)):
        np.testing.assert_array_equal(twin.X, X)
        np.testing.assert_array_equal(twin.rows, [0, 1])
        assert twin.n_dropped == 2


def test_frame_keeps_index_and_names():
    frame = pd.DataFrame({"a": [1.0, 2, 3, 4, 5], "b": [6, 7, 8, 9, 10]}, index=pd.date_range("2024-01-01", periods=5))
    X, y = to_supervised(frame, n_steps=2)
    pd.testing.assert_frame_equal(X, frame.iloc[:3])
    assert list(y.columns) == ["a_t+1", "b_t+1", "a_t+2", "b_t+2"]
    assert y.index.equals(X.index)
    assert y.iloc[0].tolist() == [2, 7, 3, 8]


def test_series_gives_a_series_of_targets():
    series = pd.Series([1.0, 2, 3], index=[10, 20, 30], name="sales")
    X, y = to_supervised(series)
    assert list(X.columns) == ["sales"]
    pd.testing.assert_series_equal(y, pd.Series([2.0, 3.0], index=[10, 20], name="sales_t+1"))
    assert list(to_supervised(series.rename(None)).X.columns) == ["series"]


def test_exog_stands_behind_the_series_at_its_own_row():
    series, exog = np.arange(5.0), np.arange(10.0).reshape(5, 2) * 10
    X, y = to_supervised(series, n_steps=2, exog=exog)
    np.testing.assert_array_equal(X, [[0, 0, 10], [1, 20, 30], [2, 40, 50]])
    np.testing.assert_array_equal(y, [[1, 2], [2, 3], [3, 4]])


def test_exog_of_frames():
    series = pd.Series(np.arange(5.0), name="sales")
    X, y = to_supervised(series, exog=pd.DataFrame({"price": range(5), "day": list("abcde")}))
    assert list(X.columns) == ["sales", "price", "day"]
    assert X["day"].tolist() == list("abcd")
    assert y.tolist() == [1, 2, 3, 4]
    assert list(to_supervised(series, exog=np.zeros((5, 2))).X.columns) == ["sales", "exog0", "exog1"]
    assert list(to_supervised(series, exog=pd.Series(range(5))).X.columns) == ["sales", "exog"]
    np.testing.assert_array_equal(to_supervised(np.arange(5.0), exog=pd.Series(range(5))).X[:, 1], [0, 1, 2, 3])


def test_group_column_remains_in_x_and_is_not_a_target():
    frame = pd.DataFrame({"store": list("abaab"), "sales": [1.0, 10, 2, 3, 20]})
    supervised = to_supervised(frame, groups="store")
    assert list(supervised.X.columns) == ["store", "sales"]
    assert supervised.X["store"].tolist() == list("aba")
    assert supervised.y.tolist() == [2, 20, 3]
    assert supervised.y.name == "sales_t+1"
    array = to_supervised(np.array([[0, 1.0], [1, 10], [0, 2], [0, 3], [1, 20]]), groups=0)
    np.testing.assert_array_equal(array.y, [2, 20, 3])
    assert array.X.shape == (3, 2)
    assert to_supervised(frame, groups=-2).y.tolist() == [2, 20, 3]


def test_missing_values_keep_their_positions():
    X, y = to_supervised([1.0, np.nan, 3.0, 4.0], n_steps=2)
    np.testing.assert_array_equal(X, [[1], [np.nan]])
    np.testing.assert_array_equal(y, [[np.nan, 3], [3, 4]])


def test_weight_of_zero_is_the_row_left_out():
    rng = np.random.default_rng(0)
    series = np.sin(np.arange(60) / 3.0) + 0.1 * rng.normal(size=60)
    series[[20, 21, 40]] = np.nan
    X, y = to_supervised(series)
    windows = np.lib.stride_tricks.sliding_window_view(X[:, 0], 6)[:, :, np.newaxis]
    y = y[5:]
    has_target = ~np.isnan(y)
    # Rows that windows share count once for the scale of the features; windows[has_target] has copies of them.
    model = RNNRegressor((3,), solver="lbfgs", normalize_X=False, random_state=0)
    weighted = model.fit(windows, np.where(has_target, y, 0.0), sample_weight=has_target).predict(windows)
    np.testing.assert_array_equal(model.fit(windows[has_target], y[has_target]).predict(windows), weighted)


def test_polars_is_read_as_an_array():
    X, y = to_supervised(pl.DataFrame({"a": [1.0, 2.0, 3.0], "b": [4, 5, 6]}))
    np.testing.assert_array_equal(X, [[1, 4], [2, 5]])
    np.testing.assert_array_equal(y, [[2, 5], [3, 6]])
    np.testing.assert_array_equal(to_supervised(pl.Series([1, 2, 3])).y, [2, 3])


@pytest.mark.parametrize("labels", [list("abab"), [0, 1, 0, 1]])
def test_columns_of_polars_are_not_named(labels):
    table = pl.DataFrame({"store": labels, "sales": [1.0, 2.0, 3.0, 4.0]})
    message = (
        "groups is 'store', but {} has type polars.*DataFrame, .*; expected a DataFrame of pandas, or groups as one"
    )
    with pytest.raises(ValueError, match=message.format("series")):
        to_supervised(table, groups="store")
    with pytest.raises(ValueError, match=message.format("history")):
        forecast(LinearRegression().fit([[1.0]], [1.0]), table, 1, groups="store")
    np.testing.assert_array_equal(to_supervised(table[["sales"]], groups=table["store"]).y, [3, 4])


def test_float32_is_kept_and_input_is_not_written_to():
    series = np.arange(6, dtype=np.float32)
    series.flags.writeable = False
    X, y = to_supervised(series, n_steps=2)
    assert X.dtype == y.dtype == np.float32
    y[:] = 0.0
    np.testing.assert_array_equal(series, np.arange(6))


def test_nullable_numbers_of_pandas():
    y = to_supervised(pd.Series([1, None, 3, 4], dtype="Int64", name="n")).y
    np.testing.assert_array_equal(y, [np.nan, 3, 4])


def test_warns_of_groups_that_are_lost():
    with pytest.warns(UserWarning, match=r"1 groups have at most n_steps=2 rows and are dropped: b\."):
        supervised = to_supervised([1.0, 2, 3, 4, 5], n_steps=2, groups=list("aabab"))
    assert supervised.rows.tolist() == [0]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_steps": 0}, ValueError, "n_steps is 0; expected an integer >= 1"),
        ({"n_steps": 1.0}, TypeError, "n_steps is 1.0 of type float"),
        ({"n_steps": True}, TypeError, "n_steps is True of type bool"),
        ({"n_steps": 5}, ValueError, "n_steps is 5, but series has 5 rows"),
        ({"n_steps": 7}, ValueError, "n_steps is 7, but series has 5 rows"),
        ({"series": []}, ValueError, r"series has shape \(0, 1\)"),
        ({"series": ["a", "b"]}, ValueError, "series has dtype"),
        ({"series": np.zeros((2, 3, 4))}, ValueError, r"series has shape \(2, 3, 4\)"),
        (
            {"series": pd.DataFrame({"a": list("abc")})},
            ValueError,
            r"series has columns \['a'\]; expected real numbers",
        ),
        ({"exog": [1.0, 2.0]}, ValueError, "exog has 2 rows, but series has 5"),
        ({"groups": [1, 2]}, ValueError, r"groups has shape \(2,\); expected one label per row, \(5,\)"),
        ({"groups": ["a", "a", None, "b", "b"]}, ValueError, "groups is .* in row 2; expected a label"),
        (
            {"groups": ["a", "a", np.nan, "b", "b"]},
            ValueError,
            "groups is .* in row 2; expected a label",
        ),  # NumPy makes "nan" of it
        (
            {"groups": pd.array(["a", "a", None, "b", "b"], dtype="string")},
            ValueError,
            "groups is .* in row 2; expected a label",
        ),
        ({"groups": 0}, ValueError, "groups is 0, the only column of series"),
        ({"groups": "store"}, ValueError, "groups is 'store', but series has columns without names"),
        (
            {"series": pd.Series(np.arange(5.0), name="sales"), "groups": "store"},
            ValueError,
            r"groups is 'store', but series has the columns \['sales'\] and the index levels \['index'\]",
        ),
        (
            {"series": np.zeros((5, 2)), "groups": "store"},
            ValueError,
            "groups is 'store', but series has columns without names",
        ),
        ({"groups": list("abcde")}, ValueError, "no group has more than n_steps rows"),
    ],
)
def test_errors(arguments, error, message):
    arguments = {"series": np.arange(5.0), **arguments}
    with pytest.raises(error, match=message):
        to_supervised(**arguments)


def test_labels_are_equal_only_if_they_were():
    series = np.arange(6.0)
    np.testing.assert_array_equal(to_supervised(series, groups=[1, "1"] * 3).y, [2, 3, 4, 5])
    np.testing.assert_array_equal(to_supervised(series, groups=[("a", 1), ("a", 2)] * 3).y, [2, 3, 4, 5])


def test_errors_of_frames():
    series = pd.Series([1.0, 2, 3], name="sales")
    dates = pd.date_range("2024-01-01", periods=3)
    for times in (dates, dates.tz_localize("Europe/Berlin"), dates - dates[0]):
        with pytest.raises(ValueError, match="Dates belong in the index"):
            to_supervised(pd.DataFrame({"day": times, "sales": series}))
    numbered = pd.DataFrame({7: [1.0, 2, 3], 8: [4.0, 5, 6]})
    with pytest.raises(ValueError, match="groups is 7, but series has 2 columns"):
        to_supervised(numbered, groups=7)
    with pytest.raises(ValueError, match=r"groups is 'a', but series has the columns \['a', 'a', 'b'\]"):
        to_supervised(pd.DataFrame(np.zeros((3, 3)), columns=["a", "a", "b"]), groups="a")
    with pytest.raises(TypeError, match=r"groups is 1.5 of type float; expected the name or the position of a column"):
        to_supervised(np.zeros((3, 2)), groups=1.5)
    with pytest.raises(ValueError, match="exog and series have different indices"):
        to_supervised(series, exog=pd.Series([1, 2, 3], index=[1, 2, 3]))
    with pytest.raises(ValueError, match=r"exog and series both have the columns \['sales'\]"):
        to_supervised(series, exog=series)


@pytest.mark.parametrize("padding", ["edge", "zero"])
def test_rows_without_a_whole_window_weigh_nothing(padding):
    fibonacci = np.array([1.0, 2, 3, 5, 8])  # so that 0 before them would be wrong
    supervised = to_supervised(fibonacci, n_history=1)
    assert supervised.sample_weight.tolist() == [0, 1, 1, 1]
    model = make_pipeline(SlidingWindow(2, padding=padding, flatten=True), LinearRegression())
    model.fit(*supervised, linearregression__sample_weight=supervised.sample_weight)
    np.testing.assert_allclose(forecast(model, fibonacci, 3), [13, 21, 34])


def test_weights_count_history_in_each_group_and_targets_that_are_missing():
    series = np.array([1.0, 10, 2, 20, np.nan, 30, 4, 40])
    supervised = to_supervised(series, groups=list("abababab"), n_history=1)
    assert supervised.rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert supervised.sample_weight.tolist() == [0, 0, 0, 1, 1, 1]
    assert to_supervised(series).sample_weight.tolist() == [1, 1, 1, 0, 1, 1, 1]
    copied = pickle.loads(pickle.dumps(supervised))
    np.testing.assert_array_equal(copied.sample_weight, supervised.sample_weight)
    with pytest.raises(ValueError, match="n_history is 3, but no row with all its targets is preceded by as many rows"):
        to_supervised(series, groups=list("abababab"), n_history=3)
    with pytest.raises(ValueError, match="n_history is -1; expected an integer >= 0"):
        to_supervised(series, n_history=-1)
