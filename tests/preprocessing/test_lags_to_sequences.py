"""Tests of the transformer that makes sequences of a table of lags."""

import pickle
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots
from skrnn.preprocessing import LagsToSequences
from tests.examples import examples

NAN = np.nan
ORDERS = ["newest_first", "oldest_first"]
ARRANGEMENTS = ["variable", "timestep"]


# scikit-learn's own checks


@pytest.mark.parametrize("parameters", [{}, {"n_timesteps": 1, "order": "oldest_first", "by": "timestep"}], ids=str)
def test_scikit_learns_checks(parameters):
    records = check_estimator(LagsToSequences(**parameters), on_fail=None, on_skip=None)
    assert [record["check_name"] for record in records if record["status"] == "failed"] == []
    assert sum(record["status"] == "passed" for record in records) >= 40


# which column becomes what


@given(
    blocks=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    n_timesteps=st.integers(1, 5),
    n_before=st.integers(0, 2),
    n_after=st.integers(0, 2),
    order=st.sampled_from(ORDERS),
    by=st.sampled_from(ARRANGEMENTS),
)
@examples(60)
def test_every_lag_comes_to_its_timestep(blocks, n_timesteps, n_before, n_after, order, by):
    lags = range(1, n_timesteps + 1) if order == "newest_first" else range(n_timesteps, 0, -1)
    columns, first = [], 0
    for size in blocks:
        variables = range(first, first + size)
        outer_first = (
            [(v, t) for v in variables for t in lags] if by == "variable" else [(v, t) for t in lags for v in variables]
        )
        columns += outer_first
        first += size
    row = [*range(1000, 1000 + n_before), *(100 * v + t for v, t in columns), *range(2000, 2000 + n_after)]
    found = LagsToSequences(
        n_timesteps, order=order, by=by, n_variables=tuple(blocks), first_lag=n_before
    ).fit_transform([row])
    others = [*range(1000, 1000 + n_before), *range(2000, 2000 + n_after)]
    expected = [[*(100 * v + t for v in range(first)), *others] for t in range(n_timesteps, 0, -1)]
    np.testing.assert_array_equal(found, [expected])


#: tool: (a row as it hands it over, the parameters that read it, the sequence). Lags of y are 1, 2, 3.
TOOLS = {
    "skforecast": ([1, 2, 3, 70, 80], {"n_timesteps": 3}, [[3, 70, 80], [2, 70, 80], [1, 70, 80]]),
    "mlforecast": ([70, 1, 2, 3, 80], {"n_timesteps": 3, "first_lag": 1}, [[3, 70, 80], [2, 70, 80], [1, 70, 80]]),
    "sktime": ([3, 2, 1, 73, 72, 71], {"n_variables": 2, "order": "oldest_first"}, [[3, 73], [2, 72], [1, 71]]),
    "Darts": (
        [3, 13, 2, 12, 1, 11, 73, 72, 71, 80],
        {"n_timesteps": 3, "n_variables": (2, 1), "order": "oldest_first", "by": "timestep"},
        [[3, 13, 73, 80], [2, 12, 72, 80], [1, 11, 71, 80]],
    ),
    "feature-engine": ([0, 10, 1, 11, 2, 12], {"n_variables": 2, "by": "timestep"}, [[2, 12], [1, 11], [0, 10]]),
}


@pytest.mark.parametrize(("row", "parameters", "sequence"), TOOLS.values(), ids=TOOLS)
def test_rows_as_tools_hand_them_over(row, parameters, sequence):
    np.testing.assert_array_equal(LagsToSequences(**parameters).fit_transform([row]), [sequence])


def test_reads_windows_that_were_flattened():
    X = np.random.default_rng(0).normal(size=(20, 2))
    flat = SlidingWindow(4, flatten=True).fit_transform(X)
    found = LagsToSequences(n_variables=2, order="oldest_first", by="timestep").fit_transform(flat)
    np.testing.assert_array_equal(found, SlidingWindow(4).fit_transform(X))


def test_without_n_timesteps_all_columns_from_the_first_lag_on_are_lags():
    X = np.arange(14.0).reshape(2, 7)
    transformer = LagsToSequences(n_variables=2, first_lag=1).fit(X)
    assert transformer.lag_columns_.tolist() == [[3, 6], [2, 5], [1, 4]]
    assert transformer.other_columns_.tolist() == [0]


def test_timestep_of_missing_lags_is_masked_and_one_of_some_is_not():
    X = [[1.0, 2.0, NAN, 5.0, NAN, NAN, 9.0]]
    found = LagsToSequences(3, n_variables=2).fit_transform(X)
    np.testing.assert_array_equal(found, [[[NAN, NAN, NAN], [2.0, NAN, 9.0], [1.0, 5.0, 9.0]]])


def test_input_is_not_written_to_and_dtype_stays():
    X = np.array([[NAN, 2.0, 3.0]], dtype=np.float32)
    X.flags.writeable = False
    assert LagsToSequences(2).fit_transform(X).dtype == np.float32
    assert LagsToSequences().fit_transform(np.array([[1, 2]])).dtype == np.float64


# names


def frame(names, library="pandas"):
    return import_module(library).DataFrame({name: [float(j)] for j, name in enumerate(names)})


AGREE = [
    (["lag_1", "lag_2", "lag_3"], {}),
    (["lag1", "lag2", "lag3", "dayofweek"], {"n_timesteps": 3}),
    (["price", "lag1", "lag2", "expanding_mean_lag1"], {"n_timesteps": 2, "first_lag": "lag1"}),
    (["y_lag_3", "y_lag_2", "y_lag_1"], {"order": "oldest_first"}),
    (["y", "z", "y_lag_1", "z_lag_1"], {"n_variables": 2, "by": "timestep"}),
    (["x_t-2", "x_t-1", "x"], {"order": "oldest_first"}),
    (
        ["a_target_lag-2", "a_target_lag-1", "p_pastcov_lag-2", "p_pastcov_lag-1", "e_futcov_lag0"],
        {"n_timesteps": 2, "n_variables": 2, "order": "oldest_first"},
    ),
    (["lag_1", "lag_7", "lag_365"], {}),
    (["lag(1)", "lag(2)"], {}),
    (["x(t-2)", "x(t-1)", "x(t)"], {"order": "oldest_first"}),
    (["temperature", "flag_1", "flag_0"], {}),  # no lags by their names
    (["L1", "L2", "t1"], {"order": "oldest_first"}),
]


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize(("names", "parameters"), AGREE, ids=lambda value: str(value)[:30])
def test_names_that_agree(names, parameters, library):
    X = frame(names, library)
    transformer = LagsToSequences(**parameters).fit(X)
    assert transformer.feature_names_in_.tolist() == names
    assert transformer.transform(X).shape[0] == 1


NEWEST_FIRST = [
    ["Lag 1", "Lag 2"],
    ["LAG-1", "LAG-2"],
    ["lag(1)", "lag(2)"],
    ["lag[1]", "lag[2]"],
    ["lag=1", "lag=2"],
    ["lag1_sales", "lag2_sales"],
    ["sales_shifted_1", "sales_shifted_2"],
    ["lagged_1", "lagged_2"],
    ["x(t)", "x(t-1)", "x(t-2)"],
    ["y[t-1]", "y[t-2]"],
    ["t - 1", "t - 2"],
    ["y_t_minus_1", "y_t_minus_2"],
    ["y.L.1", "y.L.2"],
]

DISAGREE = [
    (
        ["lag_1", "lag_2", "lag_3"],
        {"order": "oldest_first"},
        r"\['lag_1', 'lag_2', 'lag_3'\].* in the other order\. Expected order='newest_first'",
    ),
    (
        ["lag_3", "lag_2", "lag_1"],
        {},
        r"\['lag_3', 'lag_2', 'lag_1'\].* in the other order\. Expected order='oldest_first'",
    ),
    (["y_lag_1", "z_lag_1", "y_lag_2", "z_lag_2"], {"n_variables": 2}, "belong to different variables.*by='variable'"),
    (
        ["y_lag_1", "y_lag_2", "z_lag_1", "z_lag_2"],
        {"n_variables": 2, "by": "timestep"},
        "belong to different variables",
    ),
    (["lag_1", "lag_2", "lag_3", "price"], {"n_timesteps": 2}, r"\['lag_3'\].* are lags too.*n_timesteps=2"),
    (["lag_1", "lag_2", "price"], {"n_timesteps": 3}, "'price'.* belong to different variables.*n_timesteps=3"),
    (["price", "lag_1", "lag_2"], {"n_timesteps": 2}, "'price'.* belong to different variables.*first_lag=0"),
    (["lag_1", "lag_3", "lag_2"], {}, "not in order"),
    *(
        (names, {"order": "oldest_first"}, r"in the other order\. Expected order='newest_first'")
        for names in NEWEST_FIRST
    ),
]


@pytest.mark.parametrize(("names", "parameters", "message"), DISAGREE, ids=lambda value: str(value)[:30])
def test_names_that_disagree_are_refused(names, parameters, message):
    with pytest.raises(ValueError, match=rf"X has columns .*{message}.*") as caught:
        LagsToSequences(**parameters).fit(frame(names))
    assert "Expected" in str(caught.value)


def test_other_names_in_transform_are_refused():
    transformer = LagsToSequences().fit(frame(["lag_1", "lag_2"]))
    with pytest.raises(ValueError, match="feature names"):
        transformer.transform(frame(["lag_2", "lag_1"]))


# as a scikit-learn estimator


def test_clone_pickle_and_skops():
    io = pytest.importorskip("skops.io")
    X = np.arange(8.0).reshape(2, 4)
    transformer = LagsToSequences(3, order="oldest_first", n_variables=(1,)).fit(X)
    expected = transformer.transform(X)
    np.testing.assert_array_equal(clone(transformer).fit_transform(X), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(transformer)).transform(X), expected)
    stored = io.dumps(transformer)
    untrusted = io.get_untrusted_types(data=stored)
    assert untrusted == ["skrnn.preprocessing._lags_to_sequences.LagsToSequences"]
    np.testing.assert_array_equal(io.loads(stored, trusted=untrusted).transform(X), expected)


def test_transform_before_fit_is_refused():
    with pytest.raises(NotFittedError):
        LagsToSequences().transform([[1.0]])


@pytest.mark.parametrize("X", [[[1.0, np.inf]], frame(["lag_2", "lag_1"])], ids=["infinity", "names"])
def test_fit_that_is_refused_leaves_what_was_fitted_before(X):
    transformer = LagsToSequences().fit(np.zeros((2, 3)))
    before = pickle.dumps(vars(transformer))
    with pytest.raises(ValueError, match="X"):
        transformer.fit(X)
    assert pickle.dumps(vars(transformer)) == before


@pytest.mark.parametrize(
    ("X", "parameters", "message"),
    [
        (np.zeros((2, 5)), {"n_variables": 2}, "X has 5 columns from first_lag=0 on; expected a multiple"),
        (np.zeros((2, 5)), {"n_timesteps": 3, "n_variables": 2}, "X has 5 columns .* expect 6"),
        (np.zeros((2, 5)), {"n_timesteps": 5, "first_lag": 1}, "X has 4 columns from first_lag=1 on, .* expect 5"),
        (np.zeros((2, 5)), {"first_lag": "lag_1"}, "first_lag is 'lag_1', but X has columns without names; expected"),
        (np.zeros((2, 5)), {"first_lag": 5}, "first_lag is 5, but X has 5 columns; expected"),
        (np.zeros(5), {}, "[Ee]xpected .*2D array"),
        ([[np.inf]], {}, "X contains infinity"),
        (np.ma.masked_equal([[0.0]], 0.0), {}, "X is a NumPy masked array"),
    ],
)
def test_wrong_values_are_refused(X, parameters, message):
    with pytest.raises(ValueError, match=rf"(?s){message}"):
        LagsToSequences(**parameters).fit(X)


def test_wrong_types_are_refused():
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        LagsToSequences().fit(sparse.csr_matrix(np.eye(3)))
    with pytest.raises(ValueError, match=r"Column 'shop' of X contains strings, not numbers"):
        LagsToSequences(1).fit(pd.DataFrame({"lag_1": [1.0], "shop": ["north"]}))
    with pytest.raises(TypeError, match=r"Column 'day' of X contains dates, not numbers"):
        LagsToSequences(1).fit(pd.DataFrame({"lag_1": [1.0], "day": pd.to_datetime(["2024-01-01"])}))
    with pytest.raises(TypeError, match=r"X contains dates, not numbers\. .*Expected real numbers"):
        LagsToSequences().fit(np.zeros((2, 2), "M8[D]"))


# what it is for


def test_network_on_lags_comes_near_to_ridge_regression_and_on_wrong_ones_does_not():
    series = load_sunspots().data[:, 0]
    n_timesteps, n_train = 24, 196
    series = (series - series[:220].mean()) / series[:220].std()
    X = np.lib.stride_tricks.sliding_window_view(series[:-1], n_timesteps)[:, ::-1]
    y = series[n_timesteps:]

    def error(*steps):
        model = make_pipeline(StandardScaler(), *steps).fit(X[:n_train], y[:n_train])
        return np.sqrt(np.mean((model.predict(X[n_train:]) - y[n_train:]) ** 2))

    def network():
        return RNNRegressor((4,), cell="gru", solver="lbfgs", tol=0.01, random_state=0)

    of_lags = error(LagsToSequences(n_timesteps, order="newest_first"), network())
    assert of_lags < 1.3 * error(RidgeCV(np.logspace(-2, 3, 10)))
    assert error(network()) > 1.5 * of_lags  # a table without n_timesteps: the newest value first
