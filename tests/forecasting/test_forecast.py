"""Tests of forecasts of models that read rows or windows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.exceptions import DataWarning
from skrnn.forecasting import forecast, to_supervised
from tests.examples import examples
from tests.forecasting.brute_force import brute_force


def lags(n_timesteps, regressor=None, **options):
    """Return a pipeline of windows and a linear model."""
    window = SlidingWindow(n_timesteps, flatten=True, **{"padding": "edge", **options})
    return make_pipeline(window, regressor or Ridge(1e-3))


def seasonal(n_rows=80, n_series=1, seed=0):
    """Return noisy waves, (n_rows, n_series), or (n_rows,) if there is one."""
    rng = np.random.default_rng(seed)
    waves = np.sin(np.arange(n_rows)[:, np.newaxis] / (3.0 + np.arange(n_series))) + 0.1 * rng.normal(
        size=(n_rows, n_series)
    )
    return waves[:, 0] if n_series == 1 else waves


def monthly(n_rows=60):
    """Return a series with the last days of months as its index."""
    index = pd.date_range("2020-01-31", periods=n_rows, freq=pd.offsets.MonthEnd())
    return pd.Series(seasonal(n_rows), index=index, name="sales")


# what is forecast


def test_recursion_of_an_autoregression_is_its_closed_form():
    coefficients = np.array([-0.5, 0.2, 1.1])  # of t-2, t-1, t
    rng = np.random.default_rng(0)
    series = rng.normal(size=60)
    for t in range(3, 60):
        series[t] = coefficients @ series[t - 3 : t]
    X, y = to_supervised(series[:30])
    model = lags(3, LinearRegression(), padding="zero")
    model.fit(X, y, linearregression__sample_weight=np.arange(29) >= 2)
    companion = np.array([[0, 1, 0], [0, 0, 1], coefficients])
    expected = [(np.linalg.matrix_power(companion, k) @ series[27:30])[-1] for k in range(1, 31)]
    np.testing.assert_allclose(forecast(model, series[:30], 30), expected, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(forecast(model, series[:30], 30), series[30:], rtol=1e-7, atol=1e-9)


def test_recursion_of_a_vector_autoregression_is_its_closed_form():
    matrix = np.array([[0.9, -0.3], [0.2, 0.8]])
    series = [np.array([1.0, -1.0])]
    for _ in range(40):
        series.append(matrix @ series[-1])
    X, y = to_supervised(np.array(series[:20]))
    predictions = forecast(LinearRegression().fit(X, y), series[:20], 15)
    np.testing.assert_allclose(predictions, series[20:35], rtol=1e-8, atol=1e-10)


@given(
    n_at_once=st.integers(1, 4),
    n_steps=st.integers(1, 9),
    n_series=st.integers(1, 2),
    n_exog=st.integers(0, 2),
    n_timesteps=st.integers(1, 5),
    dilation=st.integers(1, 2),
    padding=st.sampled_from(["edge", "zero"]),
    n_history=st.integers(1, 40),
)
@examples(60)
@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")  # short histories
def test_blocks_equal_brute_force(n_at_once, n_steps, n_series, n_exog, n_timesteps, dilation, padding, n_history):
    rng = np.random.default_rng(0)
    series = seasonal(60, n_series).reshape(60, n_series)
    exog = rng.normal(size=(60, n_exog)) if n_exog else None
    model = make_pipeline(StandardScaler(), *lags(n_timesteps, dilation=dilation, padding=padding))
    model.fit(*to_supervised(series, n_steps=n_at_once, exog=exog))
    history = series if exog is None else np.column_stack([series, exog])
    ahead = rng.normal(size=(n_steps, n_exog)) if n_exog else None
    expected = brute_force(model, history[:n_history], n_steps, ahead)
    predictions = forecast(model, history[:n_history], n_steps, exog=ahead)
    assert predictions.shape == ((n_steps,) if n_series == 1 else (n_steps, n_series))
    np.testing.assert_allclose(predictions.reshape(n_steps, n_series), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("padding", ["mask", "edge"])
@pytest.mark.parametrize("n_at_once", [1, 3])
@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")  # short histories
def test_network_on_windows_equals_brute_force(padding, n_at_once):
    series = seasonal(60)
    network = RNNRegressor((3,), cell="gru", solver="lbfgs", tol=0.1, random_state=0)
    model = make_pipeline(StandardScaler(), SlidingWindow(5, padding=padding), network)
    model.fit(*to_supervised(series, n_steps=n_at_once))
    for n_history in (3, 60):
        expected = brute_force(model, series[:n_history], 8)[:, 0]
        np.testing.assert_allclose(forecast(model, series[:n_history], 8), expected, rtol=1e-10)


def test_masked_rows_in_the_history():
    series = seasonal(60)
    model = make_pipeline(SlidingWindow(5), RNNRegressor((3,), solver="lbfgs", tol=0.1, random_state=0))
    model.fit(*to_supervised(series))
    series[[56, 59]] = np.nan
    np.testing.assert_allclose(forecast(model, series, 6), brute_force(model, series, 6)[:, 0], rtol=1e-10)


def test_values_of_exog_from_the_last_block_on_are_not_read():
    series, exog = seasonal(60), np.arange(60.0)
    history = np.column_stack([series, exog])
    one_step = lags(3).fit(*to_supervised(series, exog=exog))
    whole = forecast(one_step, history, 4, exog=[60.0, 61, 62, 63])
    for ahead in ([60.0, 61, 62], [60.0, 61, 62, np.nan], np.arange(60.0, 99.0)):
        np.testing.assert_array_equal(forecast(one_step, history, 4, exog=ahead), whole)
    direct = lags(3).fit(*to_supervised(series, exog=exog, n_steps=4))
    assert forecast(direct, history, 4, exog=np.empty((0, 1))).shape == (4,)
    with pytest.raises(ValueError, match="exog has 2 rows; expected at least 3"):
        forecast(one_step, history, 4, exog=[60.0, 61])
    with pytest.raises(ValueError, match="exog has 3 rows; expected at least 4"):
        forecast(direct, history, 5, exog=[60.0, 61, 62])


def test_median_of_several_quantiles():
    series = seasonal(60)
    network = RNNRegressor((3,), loss="quantile", quantile=[0.1, 0.5, 0.9], solver="lbfgs", tol=0.05, random_state=0)
    model = make_pipeline(SlidingWindow(5), network).fit(*to_supervised(series))
    rows, expected = series[:, np.newaxis], []
    for _ in range(3):
        expected.append(model.predict(rows)[-1, 1])
        rows = np.append(rows, [[expected[-1]]], axis=0)
    np.testing.assert_allclose(forecast(model, series, 3), expected, rtol=1e-10)
    without_median = model.set_params(rnnregressor__quantile=[0.1, 0.9]).fit(*to_supervised(series))
    with pytest.raises(ValueError, match=r"quantiles \[0.1, 0.9\]; expected 0.5 among them"):
        forecast(without_median, series, 3)


# models of all kinds


def test_search_forecasts_with_its_best_estimator():
    series = seasonal()
    search = GridSearchCV(lags(2), {"slidingwindow__n_timesteps": [3, 9]}, cv=TimeSeriesSplit(3))
    search.fit(*to_supervised(series))
    assert search.best_params_ != {"slidingwindow__n_timesteps": 2}
    np.testing.assert_allclose(forecast(search, series, 5), brute_force(search, series, 5)[:, 0], rtol=1e-10)


class Cumulated(TransformerMixin, BaseEstimator):
    """Give each row the sum of all rows up to it: a transformer that does not say how far it looks back."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.column_stack([X, np.cumsum(X, axis=0)])


def lagged(X):
    """Return each row beside the one three rows before; NaN where there is none."""
    return np.column_stack([X, np.concatenate([np.full((3, X.shape[1]), np.nan), X])[: len(X)]])


WRAPPED = {
    "target scaled": TransformedTargetRegressor(lags(5), transformer=StandardScaler()),
    "scaler around": make_pipeline(StandardScaler(), TransformedTargetRegressor(lags(5), transformer=StandardScaler())),
    "pipeline in pipeline": make_pipeline(StandardScaler(), lags(5)),
    "windows of windows": make_pipeline(SlidingWindow(3, padding="edge", flatten=True), lags(4, dilation=2)),
    "search inside": TransformedTargetRegressor(
        GridSearchCV(lags(2), {"slidingwindow__n_timesteps": [3, 9]}, cv=TimeSeriesSplit(3))
    ),
    "passthrough": Pipeline(
        [("nothing", "passthrough"), ("window", SlidingWindow(4, padding="edge", flatten=True)), ("ridge", Ridge())]
    ),
    "one step": make_pipeline(Ridge()),
    "PCA": make_pipeline(SlidingWindow(4, padding="edge", flatten=True), PCA(2), Ridge()),
    "own lags": make_pipeline(FunctionTransformer(lagged), HistGradientBoostingRegressor(max_iter=5)),
    "own lags, and windows": make_pipeline(
        FunctionTransformer(lagged), SlidingWindow(3, flatten=True), HistGradientBoostingRegressor(max_iter=5)
    ),
    "cumulated": make_pipeline(Cumulated(), *lags(2)),
    "cumulated inside": TransformedTargetRegressor(make_pipeline(Cumulated(), *lags(2))),
    "sparse": make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge()),
}


@pytest.mark.parametrize(
    ("kind", "n_at_once"),
    [(kind, n_at_once) for kind in WRAPPED for n_at_once in (1, 2) if n_at_once == 1 or "own lags" not in kind],
)
def test_wrapped_model_equals_brute_force(kind, n_at_once):
    series = np.round(seasonal() + 0.01 * np.arange(80), 1) if kind == "sparse" else seasonal()
    X, y = to_supervised(series, n_steps=n_at_once)
    model = WRAPPED[kind]
    model.fit(X, y)
    np.testing.assert_allclose(forecast(model, series, 6), brute_force(model, series, 6)[:, 0], rtol=1e-10)


def test_small_units_do_not_hide_what_is_seen_before_the_window():
    series = 1e-10 * seasonal()
    model = make_pipeline(Cumulated(), *lags(2, Ridge(1e-25))).fit(*to_supervised(series))
    np.testing.assert_allclose(forecast(model, series, 6), brute_force(model, series, 6)[:, 0], rtol=1e-6)


class Spy(RegressorMixin, BaseEstimator):
    """Predict the last column, and keep how many rows are asked for."""

    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        self.asked = []
        return self

    def predict(self, X):
        self.asked.append(len(X))
        return X[:, -1]


def test_each_step_predicts_one_row_of_as_many_as_a_window_spans():
    transformed = []

    def remember(X):
        transformed.append(len(X))
        return X

    model = make_pipeline(FunctionTransformer(remember), SlidingWindow(5, dilation=2, flatten=True), Spy())
    series = seasonal(2000)
    model.fit(*to_supervised(series))
    transformed.clear()
    forecast(model, series, 50)
    assert model[-1].asked == [1] * 50
    assert transformed[-49:] == [9] * 49  # (5 - 1) * 2 + 1
    assert len(transformed) <= 49 + 3  # and the first time: all rows, and a trial


# data frames


def test_pandas_series_goes_on():
    series = monthly()
    X, y = to_supervised(series, n_steps=2)
    model = lags(4).fit(X, y)
    predictions = forecast(model, series, 3)
    assert predictions.name == "sales"
    assert [str(time.date()) for time in predictions.index] == ["2025-01-31", "2025-02-28", "2025-03-31"]
    array_model = lags(4).fit(X.to_numpy(), y.to_numpy())
    np.testing.assert_allclose(predictions, forecast(array_model, series.to_numpy(), 3), rtol=1e-12)
    pd.testing.assert_series_equal(forecast(model, series.to_frame(), 3), predictions)
    unnamed = series.rename(None)
    assert forecast(lags(4).fit(*to_supervised(unnamed)), unnamed, 3).shape == (3,)


def test_pandas_frame_of_several_series_with_exog():
    frame = pd.DataFrame(seasonal(40, 2), columns=["a", "b"], index=pd.period_range("2020Q1", periods=40, freq="Q"))
    exog = pd.DataFrame({"quarter": frame.index.quarter, "label": list("uvwx") * 10}, index=frame.index)
    encode = ColumnTransformer([("one", OneHotEncoder(), ["label"])], remainder="passthrough", sparse_threshold=0)
    X, y = to_supervised(frame.iloc[:30], exog=exog.iloc[:30])
    model = make_pipeline(encode, *lags(3)).fit(X, y)
    history = pd.concat([frame, exog], axis=1)
    predictions = forecast(model, history.iloc[:30], 5, exog=exog.iloc[30:35])
    assert list(predictions.columns) == ["a", "b"]
    assert predictions.index.equals(frame.index[30:35])
    rows = history.iloc[:30]
    for step in range(5):
        expected = model.predict(rows)[-1]
        np.testing.assert_allclose(predictions.iloc[step], expected, rtol=1e-10)
        new = history.iloc[[30 + step]].assign(a=expected[0], b=expected[1])
        rows = pd.concat([rows, new])


def test_columns_of_several_levels_keep_them():
    columns = pd.MultiIndex.from_tuples([("sales", "north"), ("sales", "south")], names=["what", "where"])
    series = pd.DataFrame(np.cumsum(np.ones((20, 2)), axis=0), columns=columns)
    predictions = forecast(lags(3).fit(*to_supervised(series)), series, 2)
    pd.testing.assert_index_equal(predictions.columns, columns)


def test_integers_in_a_frame_do_not_round_the_forecasts():
    series = pd.Series(np.arange(30) ** 2, name="n")
    model = lags(3).fit(*to_supervised(series))
    expected = forecast(model, series.astype(float), 4)
    pd.testing.assert_series_equal(forecast(model, series, 4), expected)
    assert expected.index.tolist() == [30, 31, 32, 33]


def test_transformer_that_reads_the_calendar_off_the_index():
    def with_month(X):
        return X.assign(month=X.index.month)

    series = monthly()
    model = make_pipeline(FunctionTransformer(with_month), *lags(3)).fit(*to_supervised(series))
    rows = series.to_frame()
    for value, time in zip(
        forecast(model, series, 8), pd.date_range(series.index[-1], periods=9, freq=series.index.freq)[1:], strict=True
    ):
        np.testing.assert_allclose(value, model.predict(rows)[-1], rtol=1e-10)
        rows = pd.concat([rows, pd.DataFrame({"sales": [value]}, index=[time])])
    holes = series.iloc[[*range(20), *range(25, 60)]]
    direct = make_pipeline(FunctionTransformer(with_month), *lags(3)).fit(*to_supervised(series, n_steps=8))
    with pytest.warns(DataWarning, match="no constant step: 2022-02-28 00:00:00 comes after 2021-08-31 00:00:00"):
        assert forecast(direct, holes, 8).index.tolist() == list(range(1, 9))
    with (
        pytest.warns(DataWarning, match="no constant step"),
        pytest.raises(AttributeError, match="month"),  # rather than months that may be wrong
    ):
        forecast(model, holes, 8)


@pytest.mark.parametrize("kind", ["strings", "dates", "periods"])
def test_exog_gives_the_times_where_the_history_has_no_step(kind):
    index = pd.bdate_range("2024-01-01", periods=63).delete([3, 9, 20])
    index = {"strings": index.astype(str), "dates": index, "periods": index.to_period("D")}[kind]
    frame = pd.DataFrame({"sales": seasonal(60), "price": np.arange(60.0)}, index)
    model = lags(3).fit(*to_supervised(frame["sales"], exog=frame["price"]))
    seen = []

    def remember(X):
        seen.append(X.index[-1])
        return X

    model.steps.insert(0, ("remember", FunctionTransformer(remember)))
    predictions = forecast(model, frame[:50], 4, exog=frame[["price"]][50:])
    assert predictions.index.equals(index[50:54])
    assert seen[-3:] == list(index[50:53])
    if kind == "strings":
        assert forecast(model, frame[:50], 4, exog=frame[["price"]][50:53]).index.tolist() == [1, 2, 3, 4]
    else:
        with pytest.warns(DataWarning, match="no constant step.*Pass an exog of n_steps rows"):
            assert forecast(model, frame[:50], 4, exog=frame[["price"]][50:53]).index.tolist() == [1, 2, 3, 4]


def test_index_without_a_step_gives_numbered_steps():
    series = pd.Series(seasonal(30), index=[f"row {i}" for i in range(30)], name="sales")
    predictions = forecast(lags(3).fit(*to_supervised(series)), series, 2)
    assert predictions.index.tolist() == [1, 2]
    assert predictions.index.name == "step"


def test_input_is_not_written_to():
    series = pd.DataFrame(seasonal(30, 2), columns=["a", "b"])
    exog = pd.Series(np.arange(30.0), name="c")
    model = lags(3).fit(*to_supervised(series, exog=exog))
    history, ahead = series.join(exog), pd.Series([30.0, 31.0], name="c", index=[30, 31])
    before = history.copy(), ahead.copy()
    forecast(model, history, 3, exog=ahead)
    pd.testing.assert_frame_equal(history, before[0])
    pd.testing.assert_series_equal(ahead, before[1])
    array = history.to_numpy().copy()
    array.flags.writeable = False
    array_model = lags(3).fit(array[:-1], array[1:, :2])
    forecast(array_model, array, 3, exog=[30.0, 31.0])
    forecast(array_model, array, 1, exog=np.empty((0, 1)))


class GroupWindow(TransformerMixin, BaseEstimator):
    """Windows of two rows that do not cross from one group to another, without the column of groups."""

    n_history_rows = 1

    def __init__(self, group_column):
        self.group_column = group_column

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        groups = np.asarray(X[self.group_column])
        values = X.drop(columns=self.group_column).to_numpy(dtype=float)
        before = np.zeros_like(values)
        for group in set(groups):
            rows = np.flatnonzero(groups == group)
            before[rows[1:]] = values[rows[:-1]]
        return np.column_stack([before, values])


@pytest.mark.parametrize("has_exog", [False, True])
def test_group_column_is_not_a_series(has_exog):
    frame = pd.DataFrame({"store": list("ab") * 30, "sales": seasonal(60)})
    exog = pd.Series(np.arange(60.0), name="price") if has_exog else None
    model = make_pipeline(GroupWindow("store"), Ridge()).fit(*to_supervised(frame, groups="store", exog=exog))
    history = frame if exog is None else frame.join(exog)
    of_b = history[history["store"] == "b"]
    predictions = forecast(model, of_b, 3, exog=[61.0, 63.0] if has_exog else None)
    assert predictions.index.tolist() == [61, 63, 65]
    first = model.predict(of_b)[-1]
    row = {"store": "b", "sales": first, **({"price": 61.0} if has_exog else {})}
    second = model.predict(pd.concat([of_b, pd.DataFrame([row])]))[-1]
    np.testing.assert_allclose(predictions.iloc[:2], [first, second], rtol=1e-10)
    with pytest.raises(ValueError, match="history has 2 groups in column 'store'"):
        forecast(model, history, 3, exog=[61.0, 63.0] if has_exog else None)


# errors


@pytest.fixture(scope="module")
def model():
    return lags(3).fit(*to_supervised(seasonal(40)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_steps": 0}, ValueError, "n_steps is 0; expected an integer >= 1"),
        ({"n_steps": 2.0}, TypeError, "n_steps is 2.0 of type float"),
        ({"history": []}, ValueError, r"history has shape \(0, 1\)"),
        ({"history": np.zeros((3, 4, 5))}, ValueError, r"history has shape \(3, 4, 5\)"),
        ({"history": np.zeros((9, 2))}, ValueError, "X has 2 features"),
        ({"history": ["a"]}, ValueError, "history has dtype"),
        ({"exog": [1.0, 2.0, 3.0]}, ValueError, "exog has 1 columns, but history has 1, including those of the series"),
        ({"history": [1.0, 2.0, np.nan]}, ValueError, "NaN"),
        ({"model": Ridge()}, NotFittedError, "not fitted"),
        ({"model": make_pipeline(Ridge())}, NotFittedError, "not fitted"),
        ({"model": GridSearchCV(Ridge(), {})}, NotFittedError, "not fitted"),
        ({"model": "ridge"}, TypeError, "model is 'ridge', which has no fit"),
        ({"model": StandardScaler().fit([[1.0]])}, TypeError, "StandardScaler, which has no predict"),
        (
            {"model": LogisticRegression().fit([[0], [1]], [0, 1])},
            TypeError,
            "model is a classifier, LogisticRegression",
        ),
    ],
)
def test_errors(model, arguments, error, message):
    arguments = {"model": model, "history": seasonal(20), "n_steps": 3, **arguments}
    with pytest.raises(error, match=message):
        forecast(**arguments)


def test_recurrent_classifier_is_refused():
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    classifier = RNNClassifier((2,), solver="lbfgs", tol=1.0, random_state=0).fit(X, y)
    with pytest.raises(TypeError, match="model is a classifier, Pipeline"):
        forecast(make_pipeline(StandardScaler(), classifier).fit(X, y), X, 2)


def test_columns_that_were_in_training():
    series, exog = seasonal(40), np.arange(40.0)
    model = lags(3).fit(*to_supervised(series, exog=exog))
    with pytest.raises(ValueError, match="X has 1 features, but SlidingWindow is expecting 2"):
        forecast(model, series, 2)
    with pytest.raises(ValueError, match="predicts 1 numbers per row, but history has 2 columns of series"):
        forecast(model, np.column_stack([series, exog]), 2)


def test_exog_of_a_frame_must_go_on_from_the_history():
    series = monthly()
    exog = pd.DataFrame({"u": range(60), "v": range(60)}, index=series.index)
    model = lags(3).fit(*to_supervised(series[:50], exog=exog[:50]))
    history = exog[:50].assign(sales=series)[["sales", "u", "v"]]
    assert forecast(model, history, 3, exog=exog[50:53]).shape == (3,)
    with pytest.raises(
        ValueError, match="exog begins at 2024-04-30 00:00:00, but the row after history would be 2024-03-31"
    ):
        forecast(model, history, 3, exog=exog[51:54])
    unnamed = exog["u"].rename(None)
    one = lags(3).fit(*to_supervised(series[:50], exog=exog.loc[exog.index[:50], "u"]))
    assert forecast(one, history[["sales", "u"]], 3, exog=unnamed[50:53]).shape == (3,)
    with pytest.raises(ValueError, match=r"exog has columns \['v'\]; expected \['u'\]"):
        forecast(one, history[["sales", "u"]], 3, exog=exog["v"][50:53])
    with pytest.raises(ValueError, match=r"exog has columns \['v', 'u'\]; expected \['u', 'v'\]"):
        forecast(model, history, 3, exog=exog.loc[exog.index[50:53], ["v", "u"]])


def test_predictions_that_are_not_finite():
    class Broken(Spy):
        def predict(self, X):
            return np.full(len(X), np.nan)

    with pytest.raises(ValueError, match="model predicts NaN or infinity"):
        forecast(Broken().fit(np.zeros((3, 1)), [1, 2, 3]), [1.0, 2.0], 2)
