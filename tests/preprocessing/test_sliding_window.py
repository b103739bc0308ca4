"""Tests of the transformer that gives every row of a series its window."""

import pickle
import tracemalloc

import numpy as np
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from skrnn.preprocessing import SlidingWindow
from tests.examples import examples
from tests.reliability.interruptions import interrupted_at

#: A window is made of the rows before its own.
IMPOSSIBLE_CHECKS = ["check_methods_sample_order_invariance", "check_methods_subset_invariance"]
PADDINGS = ["mask", "edge", "zero"]


@pytest.fixture
def series():
    return np.random.default_rng(0).normal(size=(30, 2))


# scikit-learn's own checks


@pytest.mark.parametrize("carry_context", [False, True])
@pytest.mark.parametrize("flatten", [False, True])
def test_only_two_of_at_least_forty_checks_fail(flatten, carry_context):
    transformer = SlidingWindow(flatten=flatten, carry_context=carry_context)
    records = check_estimator(transformer, on_fail=None, on_skip=None)
    names = {
        status: [record["check_name"] for record in records if record["status"] == status]
        for status in ("passed", "failed")
    }
    assert sorted(names["failed"]) == IMPOSSIBLE_CHECKS
    assert len(names["passed"]) >= 40


# what a window holds


@given(
    n_samples=st.integers(1, 12),
    n_features=st.integers(1, 3),
    n_timesteps=st.integers(1, 15),
    dilation=st.integers(1, 4),
    padding=st.sampled_from(PADDINGS),
)
@examples(60)
def test_window_ends_at_its_row_and_reaches_back(n_samples, n_features, n_timesteps, dilation, padding):
    X = np.random.default_rng(0).normal(size=(n_samples, n_features))
    windows = SlidingWindow(n_timesteps, dilation=dilation, padding=padding).fit_transform(X)
    missing = {"mask": np.full(n_features, np.nan), "edge": X[0], "zero": np.zeros(n_features)}[padding]
    assert windows.shape == (n_samples, n_timesteps, n_features)
    for t in range(n_samples):
        for step in range(n_timesteps):
            row = t - (n_timesteps - 1 - step) * dilation
            np.testing.assert_array_equal(windows[t, step], X[row] if row >= 0 else missing)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("dilation", [1, 2])
def test_rows_after_t_never_change_window_t(series, padding, dilation):
    transformer = SlidingWindow(4, dilation=dilation, padding=padding)
    before = transformer.fit_transform(series)
    for t in range(len(series)):
        changed = series.copy()
        changed[t + 1 :] += 100.0
        after = transformer.fit_transform(changed)
        np.testing.assert_array_equal(after[: t + 1], before[: t + 1])


@pytest.mark.parametrize("dilation", [1, 3])
@pytest.mark.parametrize("padding", PADDINGS)
def test_flatten_is_a_reshape(series, dilation, padding):
    transformer = SlidingWindow(5, dilation=dilation, padding=padding)
    windows = transformer.fit_transform(series)
    flat = transformer.set_params(flatten=True).fit_transform(series)
    np.testing.assert_array_equal(flat, windows.reshape(30, 10), strict=True)


def test_window_longer_than_the_series():
    windows = SlidingWindow(5).fit_transform([[1.0], [2.0]])
    nan = np.nan
    np.testing.assert_array_equal(windows[:, :, 0], [[nan, nan, nan, nan, 1], [nan, nan, nan, 1, 2]])


@pytest.mark.parametrize(("padding", "missing"), [("mask", np.nan), ("edge", 7.0), ("zero", 0.0)])
def test_one_row(padding, missing):
    windows = SlidingWindow(3, padding=padding).fit_transform([[7.0]])
    np.testing.assert_array_equal(windows, [[[missing], [missing], [7.0]]])


def test_window_of_one_timestep_is_the_row(series):
    np.testing.assert_array_equal(SlidingWindow(1).fit_transform(series), series[:, np.newaxis])


def test_default_window_has_ten_timesteps(series):
    assert SlidingWindow().fit_transform(series).shape == (30, 10, 2)


def test_transform_does_not_depend_on_the_series_of_fit(series):
    transformer = SlidingWindow(3).fit(series)
    np.testing.assert_array_equal(transformer.transform(series[10:]), SlidingWindow(3).fit_transform(series[10:]))
    assert set(vars(transformer)) == {*transformer.get_params(), "n_features_in_", "n_groups_"}


# memory and dtypes


@pytest.mark.parametrize("flatten", [False, True])
def test_consecutive_windows_share_memory(series, flatten):
    windows = SlidingWindow(4, flatten=flatten).fit_transform(series)
    assert np.shares_memory(windows[10], windows[11])
    assert not windows.flags.writeable


def peak_memory(function, *arguments):
    """Return (what the function returns, the memory in bytes that it took at its peak)."""
    tracemalloc.start()
    try:
        returned = function(*arguments)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return returned, peak


@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_peak_memory_of_a_long_window_is_one_copy_of_the_series(dtype, flatten):
    X = np.random.default_rng(0).integers(-100, 100, size=(1_000_000, 4)).astype(dtype)
    windows, peak = peak_memory(SlidingWindow(100, flatten=flatten).fit_transform, X)
    assert windows.size == 100 * X.size
    assert peak < 1.05 * X.nbytes


@pytest.mark.parametrize("carry_context", [False, True])
@pytest.mark.parametrize("layout", ["C", "F", "every second row"])
def test_neither_validation_nor_context_copies_the_series(layout, carry_context):
    X = np.random.default_rng(0).normal(size=(300_000, 4)).astype(np.float32)
    X[[3, 150_000], [0, 1]] = np.nan  # scikit-learn's check for infinity copies what is not contiguous and has NaN
    X = {"C": X, "F": np.asfortranarray(X), "every second row": np.repeat(X, 2, axis=0)[::2]}[layout]
    transformer = SlidingWindow(50, carry_context=carry_context)
    _, peak = peak_memory(transformer.fit, X)
    assert peak < 3e6
    for rows in (X, X[1:]):
        windows, peak = peak_memory(transformer.transform, rows)
        assert peak < rows.nbytes + 3e6
        del windows


@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.float32, np.float32), (np.float64, np.float64), (np.int32, np.float64), (np.bool_, np.float64)],
)
def test_only_float32_stays_single(dtype, expected, flatten):
    windows = SlidingWindow(2, dilation=2, flatten=flatten).fit_transform(np.ones((4, 2), dtype=dtype))
    assert windows.dtype == expected


def test_long_double_becomes_double(series):
    windows = SlidingWindow(2, padding="zero").fit_transform(series.astype(np.longdouble))
    np.testing.assert_array_equal(windows, SlidingWindow(2, padding="zero").fit_transform(series), strict=True)


@pytest.mark.skipif(np.finfo(np.longdouble).max <= np.finfo(float).max, reason="no longer than a double here")
def test_long_double_that_no_double_holds_is_infinity(series):
    series = series.astype(np.longdouble)
    series[3, 1] = np.longdouble("1e400")
    with pytest.raises(ValueError, match="Input X contains infinity"):
        SlidingWindow(2).fit(series)


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("flatten", [False, True])
def test_input_is_never_written_to_nor_shared(series, flatten, dilation):
    original = series.copy()
    series.setflags(write=False)
    windows = SlidingWindow(3, dilation=dilation, flatten=flatten, padding="zero").fit_transform(series)
    assert not np.shares_memory(windows, series)
    np.testing.assert_array_equal(series, original, strict=True)


# what X may hold


def test_nan_passes_through(series):
    series[3] = np.nan
    series[5, 0] = np.nan
    windows = SlidingWindow(3, padding="zero").fit_transform(series)
    np.testing.assert_array_equal(windows[5], series[3:6])
    assert np.isnan(windows).sum() == 3 * 3


@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize("method", ["fit", "transform"])
def test_infinity_is_an_error(series, value, method):
    transformer = SlidingWindow().fit(series)
    series[4, 1] = value
    with pytest.raises(ValueError, match="Input X contains infinity"):
        getattr(transformer, method)(series)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.ones(3), ValueError, "Expected 2D array, got 1D array instead"),
        (np.ones((2, 2, 2)), ValueError, "Found array with dim 3"),
        (np.ones((0, 2)), ValueError, r"Found array with 0 sample\(s\)"),
        (np.array([["a"]]), ValueError, "not compatible with arrays of bytes/strings"),
        (
            np.array([["2020-01-01"]], dtype="M8[D]"),
            ValueError,
            r"X contains dates, not numbers\. Convert dates to numbers first",
        ),
        (sparse.csr_matrix(np.ones((3, 2))), TypeError, "Sparse data was passed"),
    ],
)
def test_other_forms_of_x_are_errors(X, error, message):
    with pytest.raises(error, match=message):
        SlidingWindow().fit(X)


@pytest.mark.parametrize("group_column", [None, 0])
@pytest.mark.parametrize(
    "X",
    [np.ones(3), np.array([["a", "b"]]), np.array([[0.0, np.inf]])],
    ids=["one axis", "strings", "infinity"],
)
def test_errors_about_x_name_it_and_say_what_was_expected(X, group_column):
    expected = r"(?s)\bX\b.*Expected real numbers, or NaN, in a 2-D array \(n_samples, n_columns\)\.$"
    with pytest.raises(ValueError, match=expected):
        SlidingWindow(2, group_column=group_column).fit(X)


def test_masked_entries_are_refused_by_name(series):
    masked = np.ma.masked_less(series, 0.0)
    with pytest.raises(ValueError, match=r"^X is a NumPy masked array .* X\.filled"):
        SlidingWindow(2).fit(masked)
    with pytest.raises(ValueError, match=r"^groups is a NumPy masked array .* groups\.filled"):
        SlidingWindow(2).fit(series, groups=masked[:, 0])


def test_number_of_features_must_match(series):
    transformer = SlidingWindow().fit(series)
    with pytest.raises(ValueError, match="X has 1 features, but SlidingWindow is expecting 2 features"):
        transformer.transform(series[:, :1])


def test_feature_names_must_match(series):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(series, columns=["a", "b"])
    transformer = SlidingWindow().fit(frame)
    assert transformer.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="feature names should match"):
        transformer.transform(frame[["b", "a"]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        transformer.transform(series)


def test_transform_needs_fit(series):
    with pytest.raises(NotFittedError, match="SlidingWindow instance is not fitted yet"):
        SlidingWindow().transform(series)


# parameters


@pytest.mark.parametrize("name", ["n_timesteps", "dilation"])
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0, ValueError),
        (-2, ValueError),
        (2.0, TypeError),
        ("3", TypeError),
        (None, TypeError),
        (True, TypeError),
    ],
)
def test_counts_are_integers_of_at_least_one(series, name, value, error):
    message = rf"{name} is {value!r}( of type {type(value).__name__})?; expected an integer >= 1"
    with pytest.raises(error, match=message):
        SlidingWindow(**{name: value}).fit(series)


@pytest.mark.parametrize(("value", "error"), [("wrap", ValueError), (None, TypeError), (0.0, TypeError)])
def test_padding_is_one_of_three_names(series, value, error):
    message = rf"padding is {value!r}.*; expected .*one of \('mask', 'edge', 'zero'\)"
    with pytest.raises(error, match=message):
        SlidingWindow(padding=value).fit(series)


@pytest.mark.parametrize("name", ["flatten", "carry_context"])
@pytest.mark.parametrize("value", [1, None, "yes"])
def test_flags_are_booleans(series, name, value):
    with pytest.raises(TypeError, match=rf"{name} is {value!r} of type .*; expected True or False"):
        SlidingWindow(**{name: value}).fit(series)


@pytest.mark.parametrize("value", [1.0, True, ["a"], b"a"])
def test_group_column_is_a_name_or_a_position(series, value):
    with pytest.raises(TypeError, match=r"group_column is .*; expected the name or the position of a column"):
        SlidingWindow(group_column=value).fit(series)


def test_numpy_scalars_are_parameters_too(series):
    transformer = SlidingWindow(
        np.int64(3),
        dilation=np.int32(2),
        padding=np.str_("zero"),
        group_column=np.int8(0),
        carry_context=np.True_,
        flatten=np.True_,
    )
    assert transformer.fit_transform(series).shape == (30, 3)


@pytest.mark.parametrize(("n_timesteps", "dilation", "expected"), [(1, 5, 0), (10, 1, 9), (4, 3, 9)])
def test_history_rows_are_known_before_and_after_fit(series, n_timesteps, dilation, expected):
    transformer = SlidingWindow(n_timesteps, dilation=dilation)
    assert transformer.n_history_rows == expected
    assert transformer.fit(series).n_history_rows == expected
    with pytest.raises(AttributeError):
        transformer.n_history_rows = 3


@pytest.mark.parametrize("dilation", [1, 3])
def test_history_rows_are_what_a_window_depends_on(series, dilation):
    transformer = SlidingWindow(4, dilation=dilation)
    reach = transformer.n_history_rows
    window = transformer.fit_transform(series)[20]
    np.testing.assert_array_equal(transformer.fit_transform(series[20 - reach :])[reach], window)
    assert np.isnan(transformer.fit_transform(series[21 - reach :])[reach - 1]).any()


# names and containers


@pytest.mark.parametrize(
    ("dilation", "names"),
    [
        (1, ["x0_t-2", "x1_t-2", "x0_t-1", "x1_t-1", "x0", "x1"]),
        (2, ["x0_t-4", "x1_t-4", "x0_t-2", "x1_t-2", "x0", "x1"]),
    ],
)
def test_names_are_oldest_first(series, dilation, names):
    transformer = SlidingWindow(3, dilation=dilation, flatten=True).fit(series)
    assert transformer.get_feature_names_out().tolist() == names
    renamed = [name.replace("x0", "a").replace("x1", "b") for name in names]
    assert transformer.get_feature_names_out(["a", "b"]).tolist() == renamed


def test_names_tell_what_the_columns_hold(series):
    X = np.column_stack([np.arange(30.0), 100 + np.arange(30.0)])
    transformer = SlidingWindow(3, dilation=2, flatten=True, padding="zero").fit(X)
    columns = dict(zip(transformer.get_feature_names_out(), transformer.transform(X)[20], strict=True))
    assert columns == {"x0": 20, "x1": 120, "x0_t-2": 18, "x1_t-2": 118, "x0_t-4": 16, "x1_t-4": 116}


def test_input_names_are_validated(series):
    pd = pytest.importorskip("pandas")
    transformer = SlidingWindow(2, flatten=True)
    with pytest.raises(NotFittedError):
        transformer.get_feature_names_out()
    with pytest.raises(ValueError, match="should have length equal to number of features"):
        transformer.fit(series).get_feature_names_out(["a"])
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        transformer.fit(pd.DataFrame(series, columns=["a", "b"])).get_feature_names_out(["b", "a"])


def test_three_dimensional_output_has_no_names(series):
    transformer = SlidingWindow(2).fit(series)
    assert not hasattr(transformer, "set_output")
    with pytest.raises(AttributeError, match="get_feature_names_out") as info:
        transformer.get_feature_names_out()
    assert "set flatten=True" in str(info.value.__cause__)


def test_three_dimensional_output_ignores_the_global_container(series):
    pytest.importorskip("pandas")
    with sklearn.config_context(transform_output="pandas"):
        windows = SlidingWindow(2).fit_transform(series)
    assert type(windows) is np.ndarray


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("dilation", [1, 2])
def test_set_output_gives_a_frame_with_names(series, library, dilation):
    module = pytest.importorskip(library)
    transformer = SlidingWindow(2, dilation=dilation, flatten=True).set_output(transform=library)
    frame = transformer.fit_transform(module.DataFrame({"a": series[:, 0], "b": series[:, 1]}))
    assert isinstance(frame, module.DataFrame)
    assert list(frame.columns) == [f"a_t-{dilation}", f"b_t-{dilation}", "a", "b"]
    expected = SlidingWindow(2, dilation=dilation, flatten=True).fit_transform(series)
    np.testing.assert_array_equal(frame.to_numpy(), expected)


def test_pandas_output_keeps_the_index(series):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(series, columns=["a", "b"], index=pd.date_range("2020-01-01", periods=30))
    frame = SlidingWindow(2, flatten=True).set_output(transform="pandas").fit_transform(X)
    pd.testing.assert_index_equal(frame.index, X.index)


# in company


def test_pipeline_learns_from_the_past(series):
    y = np.concatenate([[0.0, 0.0], series[:-2, 0]])
    lags = SlidingWindow(3, flatten=True, padding="edge")
    pipeline = make_pipeline(StandardScaler(), lags, Ridge(alpha=1e-6)).fit(series, y)
    np.testing.assert_allclose(pipeline.predict(series)[5:], y[5:], atol=0.2)
    assert pipeline[:-1].get_feature_names_out().tolist()[0] == "x0_t-2"


def test_grid_search_finds_the_lag_that_matters():
    X = np.random.default_rng(0).normal(size=(200, 1))
    y = np.concatenate([[0.0, 0.0], X[:-2, 0]])
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SlidingWindow(flatten=True, padding="edge"), Ridge(alpha=1e-3)),
        {"slidingwindow__n_timesteps": [1, 2, 3], "slidingwindow__padding": ["edge", "zero"]},
        cv=TimeSeriesSplit(3),
    )
    search.fit(X, y)
    assert search.best_params_["slidingwindow__n_timesteps"] == 3
    assert search.best_score_ > 0.8


def test_masked_history_suits_estimators_that_take_nan(series):
    lags = SlidingWindow(3, flatten=True)
    pipeline = make_pipeline(lags, HistGradientBoostingRegressor(max_iter=2)).fit(series, series.sum(axis=1))
    assert pipeline.predict(series).shape == (30,)


def test_clone_keeps_parameters_alone(series):
    parameters = {
        "n_timesteps": 3,
        "dilation": 2,
        "padding": "zero",
        "group_column": None,
        "carry_context": True,
        "flatten": True,
    }
    transformer = SlidingWindow(**parameters).fit(series)
    copy = clone(transformer)
    assert copy.get_params() == parameters
    assert not hasattr(copy, "n_features_in_")


def test_pickle_keeps_the_fit(series):
    transformer = SlidingWindow(3).fit(series)
    restored = pickle.loads(pickle.dumps(transformer))
    np.testing.assert_array_equal(restored.transform(series), transformer.transform(series))


def test_tags_say_that_nan_is_allowed_and_float32_kept():
    tags = sklearn.utils.get_tags(SlidingWindow())
    assert tags.input_tags.allow_nan
    assert set(tags.transformer_tags.preserves_dtype) == {"float64", "float32"}


# A fit that is refused or interrupted


def test_a_refused_fit_changes_nothing():
    window = SlidingWindow(3)
    with pytest.raises(ValueError, match="infinity"):
        window.fit([[1.0, np.inf]])
    assert vars(window) == vars(SlidingWindow(3))
    with pytest.raises(NotFittedError):
        window.transform([[1.0, 2.0]] * 3)


def test_a_refused_fit_leaves_the_columns_of_the_one_before():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    window = SlidingWindow(2, carry_context=True).fit(table)
    before = vars(window).copy()
    for refused in (table[["b", "a"]].assign(b=np.inf), table.assign(c=np.inf)):
        with pytest.raises(ValueError, match="infinity"):
            window.fit(refused)
        assert vars(window) == before
    assert window.transform(table).shape == (2, 2, 2)


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
@pytest.mark.parametrize("carry_context", [False, True])
def test_an_interrupted_fit_leaves_the_one_before(method, carry_context):
    first, second = np.arange(12.0).reshape(6, 2), np.arange(15.0).reshape(5, 3) + 100.0
    window = SlidingWindow(3, carry_context=carry_context)
    with interrupted_at(None) as lines:
        getattr(window, method)(second)
    for moment in range(1, len(lines) + 1):
        window.fit(first)
        before = vars(window).copy()
        with interrupted_at(moment), pytest.raises(KeyboardInterrupt):
            getattr(window, method)(second)
        assert all(vars(window)[name] is value for name, value in before.items())
        assert vars(window).keys() == before.keys()
