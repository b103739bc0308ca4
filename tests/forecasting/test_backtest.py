"""Tests of forecasts from many origins."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skrnn import RNNRegressor, SlidingWindow
from skrnn.forecasting import backtest, forecast, to_supervised
from tests.examples import examples


def lags(n_timesteps, **options):
    """Return a pipeline of windows and a linear model."""
    return make_pipeline(SlidingWindow(n_timesteps, flatten=True, **{"padding": "edge", **options}), Ridge(1e-3))


def seasonal(n_rows=60, n_series=1, seed=0):
    """Return noisy waves, (n_rows, n_series), or (n_rows,) if there is one."""
    rng = np.random.default_rng(seed)
    waves = np.sin(np.arange(n_rows)[:, np.newaxis] / (3.0 + np.arange(n_series)))
    waves = waves + 0.1 * rng.normal(size=(n_rows, n_series))
    return waves[:, 0] if n_series == 1 else waves


def centred(X):
    """Subtract the mean of all rows that it gets: what looks ahead unless it is given the past alone."""
    return X - X.mean(axis=0)


def smoothed(X):
    """Give each row the mean of itself and the next one."""
    return 0.5 * (X + np.concatenate([X[1:], X[-1:]]))


class Counted(TransformerMixin, BaseEstimator):
    """Add the number of rows before, which reaches back to the first row and does not say so."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X + 0.01 * np.arange(len(X))[:, np.newaxis]


MODELS = {
    "windows": make_pipeline(StandardScaler(), lags(4)),
    "dilated": lags(3, dilation=2),
    "rows": Ridge(),
    "target": TransformedTargetRegressor(lags(3), transformer=StandardScaler()),
    "centred": make_pipeline(FunctionTransformer(centred), *lags(3)),
    "smoothed": make_pipeline(FunctionTransformer(smoothed), *lags(3)),
    "counted": make_pipeline(Counted(), *lags(3)),
}


@pytest.mark.axis("kind", MODELS)
@pytest.mark.axis(("n_series", "n_exog", "n_at_once"), [(1, 0, 1), (2, 0, 2), (1, 2, 1), (1, 1, 5)])
@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")  # short histories
def test_equals_forecasts_of_each_history(kind, n_series, n_exog, n_at_once):
    series = seasonal(60, n_series)
    exog = np.random.default_rng(1).normal(size=(60, n_exog)) if n_exog else None
    model = MODELS[kind].fit(*to_supervised(series, n_steps=n_at_once, exog=exog))
    history = series if exog is None else np.column_stack([series, exog])
    result = backtest(model, series, 5, first_origin=1, step=5, exog=exog)
    for origin, predictions in zip(result.origins, result.forecasts, strict=True):
        ahead = None if exog is None else exog[origin + 1 :]
        expected = forecast(model, history[: origin + 1], 5, exog=ahead)
        np.testing.assert_allclose(predictions, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")  # short histories
def test_network_equals_forecasts_of_each_history():
    series = seasonal()
    network = RNNRegressor((3,), cell="gru", solver="lbfgs", tol=0.1, random_state=0)
    model = make_pipeline(StandardScaler(), SlidingWindow(5), network).fit(*to_supervised(series))
    result = backtest(model, series, 3, first_origin=2, step=4)
    expected = [forecast(model, series[: origin + 1], 3) for origin in result.origins]
    np.testing.assert_allclose(result.forecasts, expected, rtol=1e-9)


@given(
    kind=st.sampled_from(sorted(MODELS)),
    origin=st.integers(3, 58),
    n_at_once=st.integers(1, 3),
    n_calibration=st.sampled_from([None, 6]),
    seed=st.integers(0, 10),
)
@examples(60, quick=8)
def test_what_comes_after_an_origin_changes_nothing_there(kind, origin, n_at_once, n_calibration, seed):
    series = seasonal()
    model = MODELS[kind].fit(*to_supervised(series, n_steps=n_at_once))
    options = {"first_origin": 3, "coverage": 0.8, "n_calibration": n_calibration}
    before = backtest(model, series, 4, **options)
    changed = series.copy()
    changed[origin + 1 :] = 10.0 * np.random.default_rng(seed).normal(size=59 - origin)
    after = backtest(model, changed, 4, **options)
    is_past = before.origins <= origin
    for name in ("forecasts", "lower", "upper"):
        old, new = getattr(before, name)[is_past], getattr(after, name)[is_past]
        np.testing.assert_allclose(new, old, rtol=1e-9, atol=1e-10)
    if origin < 50:
        assert not np.allclose(after.forecasts[~is_past], before.forecasts[~is_past])


def test_origins_truth_and_errors():
    series = np.arange(10.0)
    series[6] = np.nan
    model = Ridge().fit([[0.0], [1.0]], [1.0, 2.0])
    result = backtest(model, np.arange(10.0), 3, first_origin=4, step=2)
    np.testing.assert_array_equal(result.origins, [4, 6, 8])
    np.testing.assert_array_equal(result.truth, [[5, 6, 7], [7, 8, 9], [9, np.nan, np.nan]])
    np.testing.assert_array_equal(result.target_times, [[5, 6, 7], [7, 8, 9], [9, 10, 11]])
    np.testing.assert_array_equal(result.origin_times, result.origins)
    np.testing.assert_array_equal(result.errors, result.truth - result.forecasts)
    assert result.lower is None
    assert result.coverage is None
    assert result.series_names is None
    with pytest.raises(ValueError, match="coverage was None in backtest"):
        result.observed_coverage()


def test_missing_truth_is_missing_in_errors_and_in_calibration():
    series = seasonal(80)
    series[[30, 50]] = np.nan
    X, y = to_supervised(series)
    network = RNNRegressor((3,), solver="lbfgs", tol=0.1, random_state=0)
    model = make_pipeline(SlidingWindow(5), network)
    model.fit(X, np.nan_to_num(y), rnnregressor__sample_weight=~np.isnan(y))
    result = backtest(model, series, 2, coverage=0.8)
    assert np.isnan(result.errors[result.origins == 29, 0]).all()
    assert np.isnan(result.errors[result.origins == 48, 1]).all()
    assert np.isfinite(result.forecasts).all()
    assert np.isfinite(result.lower[-1]).all()


def test_default_origin_is_the_first_with_a_whole_window():
    model = lags(4, dilation=2).fit(*to_supervised(seasonal()))
    result = backtest(model, seasonal(), 2)
    assert (result.origins[0], result.origins[-1]) == (6, 58)


def test_pandas_labels():
    frame = pd.DataFrame(seasonal(30, 2), columns=["a", "b"], index=pd.date_range("2024-01-01", periods=30))
    model = lags(3).fit(*to_supervised(frame))
    result = backtest(model, frame, 2, first_origin=27, coverage=None)
    assert result.forecasts.shape == (2, 2, 2)
    assert result.series_names == ["a", "b"]
    np.testing.assert_array_equal(result.origin_times, np.array(["2024-01-28", "2024-01-29"], "datetime64[D]"))
    assert result.target_times[-1, -1] == np.datetime64("2024-01-31")
    np.testing.assert_allclose(result.forecasts[0], forecast(model, frame.iloc[:28], 2))


@pytest.mark.parametrize(
    ("index", "missing"),
    [
        (pd.Index([f"row {row}" for row in range(30)]), None),
        (pd.Index(np.arange(30) ** 2), None),
        (pd.bdate_range("2024-01-01", periods=33).delete([3, 9, 20]), np.datetime64("NaT")),
        (pd.period_range("2024-01", periods=32, freq="M").delete([3, 9]), pd.NaT),
    ],
    ids=["strings", "numbers", "dates", "periods"],
)
def test_labels_of_an_index_without_a_step(index, missing):
    series = pd.Series(seasonal(30), index)
    model = lags(3).fit(*to_supervised(series))
    result = backtest(model, series, 2, first_origin=27)
    labels = np.asarray(index)
    np.testing.assert_array_equal(result.origin_times, labels[27:29])
    np.testing.assert_array_equal(result.target_times[0], labels[28:30])
    assert result.target_times[1, 0] == labels[29]
    assert result.target_times[1, 1] is missing or np.isnat(result.target_times[1, 1])
    np.testing.assert_array_equal(backtest(model, series, 1, first_origin=27).target_times[:, 0], labels[28:])


HOURS = pd.date_range("2024-02-08", periods=120, freq="h")
DAYS = pd.date_range("2024-01-20", periods=60)


@pytest.mark.parametrize(
    ("index", "first", "origin"),
    [
        (HOURS, "2024-02-10", "2024-02-10 23:00"),
        (HOURS, "2024-02-10 05", "2024-02-10 05:00"),
        (HOURS.tz_localize("Asia/Tokyo"), "2024-02-10", "2024-02-10 23:00"),
        (HOURS, pd.Timestamp("2024-02-10"), "2024-02-10 00:00"),
        (HOURS, np.datetime64("2024-02-10"), "2024-02-10 00:00"),
        (DAYS, "2024-02", "2024-02-29"),
        (DAYS.to_period(), "2024-02", "2024-02-29"),
        (DAYS.to_period(), "2024-02-10", "2024-02-10"),
        (DAYS.to_period(), pd.Period("2024-02-10"), "2024-02-10"),
        (DAYS.delete(40), "2024-02", "2024-02-28"),
    ],
)
def test_a_string_as_first_origin_is_a_time_up_to_its_end(index, first, origin):
    series = pd.Series(seasonal(len(index)), index)
    result = backtest(lags(3).fit(*to_supervised(series)), series, 2, first_origin=first)
    assert str(index[result.origins[0]]).startswith(origin)
    if isinstance(first, str):
        assert result.origins[0] == len(series[:first]) - 1


@pytest.mark.parametrize(
    ("index", "first", "error", "message"),
    [
        (DAYS, "garbage", ValueError, "'garbage' of type str, but series has dates without a time zone in its index"),
        (DAYS, date(2024, 2, 10), TypeError, "of type date, but series has dates without a time zone"),
        (DAYS, pd.Period("2024-02"), TypeError, "of type Period, but series has dates without a time zone"),
        (DAYS, pd.Timestamp("2024-02", tz="UTC"), TypeError, "of type Timestamp, but series has dates without"),
        (DAYS.tz_localize("UTC"), DAYS[20], TypeError, "of type Timestamp, but series has dates with a time zone"),
        (DAYS.to_period(), "garbage", ValueError, "'garbage' of type str, but series has periods of frequency D"),
        (DAYS.to_period(), pd.Period("2024-02"), TypeError, "of type Period, but series has periods of frequency D"),
        (DAYS.to_period(), 3.0, TypeError, "3.0 of type float, but series has periods"),
    ],
)
def test_first_origins_of_another_kind_are_refused(index, first, error, message):
    series = pd.Series(seasonal(len(index)), index)
    model = lags(3).fit(*to_supervised(series))
    with pytest.raises(error, match=f"first_origin is .*{message}"):
        backtest(model, series, 2, first_origin=first)


def test_frames_with_exog():
    series = pd.Series(seasonal(40), name="sales")
    exog = pd.DataFrame({"price": np.random.default_rng(0).normal(size=40)})
    model = lags(3).fit(*to_supervised(series, exog=exog))
    result = backtest(model, series, 4, exog=exog)
    assert result.origins[-1] == 36  # the fourth step needs the exog of the third row ahead
    assert result.series_names == ["sales"]
    direct = lags(3).fit(*to_supervised(series, exog=exog, n_steps=4))
    assert backtest(direct, series, 4, exog=exog).origins[-1] == 38


def test_group_column_is_not_a_series():
    class Ungrouped(TransformerMixin, BaseEstimator):
        group_column = "store"

        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return X.drop(columns="store").to_numpy(dtype=float)

    frame = pd.DataFrame({"store": ["a"] * 40, "sales": seasonal(40)})
    model = make_pipeline(Ungrouped(), Ridge()).fit(*to_supervised(frame, groups="store"))
    result = backtest(model, frame, 3)
    plain = Ridge().fit(*to_supervised(frame["sales"]))
    np.testing.assert_allclose(result.forecasts, backtest(plain, frame["sales"], 3).forecasts)


# intervals


def test_intervals_are_quantiles_of_the_errors_known_at_the_origin():
    series = seasonal(80)
    model = lags(3).fit(*to_supervised(series[:30]))
    result = backtest(model, series, 3, first_origin=29, coverage=0.8, n_calibration=15)
    for i, origin in enumerate(result.origins):
        for k in range(3):
            known = np.abs(result.errors[result.origins + k + 1 <= origin, k])[-15:]
            rank = int(np.ceil((len(known) + 1) * 0.8 - 1e-9))
            expected = np.sort(known)[rank - 1] if rank <= len(known) else np.nan
            np.testing.assert_allclose(result.upper[i, k] - result.forecasts[i, k], expected)
            np.testing.assert_allclose(result.forecasts[i, k] - result.lower[i, k], expected)
    assert np.isnan(result.lower[:4, 0]).all()
    assert np.isfinite(result.lower[4:, 0]).all()


def test_observed_coverage_counts_what_is_known():
    series = seasonal(80)
    model = lags(3).fit(*to_supervised(series[:30]))
    result = backtest(model, series, 2, first_origin=29, coverage=0.8)
    inside = (result.lower <= result.truth) & (result.truth <= result.upper)
    counts = np.isfinite(result.lower) & np.isfinite(result.truth)
    np.testing.assert_allclose(result.observed_coverage(), [inside[counts[:, k], k].mean() for k in range(2)])


def test_step_without_an_interval_has_no_observed_coverage():
    result = backtest(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), seasonal(7), 6, coverage=0.5)
    assert np.isnan(result.observed_coverage()[-1])
    assert np.isfinite(result.observed_coverage()[0])


# errors


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_steps": 0}, ValueError, "n_steps is 0"),
        ({"step": 0}, ValueError, "step is 0"),
        ({"step": 1.5}, TypeError, "step is 1.5 of type float"),
        ({"first_origin": -1}, ValueError, "first_origin is -1, but the last possible origin is row 38"),
        ({"first_origin": 39}, ValueError, "first_origin is 39"),
        ({"first_origin": 3.0}, TypeError, "first_origin is 3.0 of type float"),
        ({"coverage": 1.0}, ValueError, "coverage is 1.0; expected a number between 0 and 1"),
        ({"coverage": "90%"}, TypeError, "coverage is '90%' of type str"),
        ({"n_calibration": 20}, ValueError, "n_calibration is 20, but coverage is None"),
        ({"coverage": 0.9, "n_calibration": 8}, ValueError, "n_calibration is 8, but coverage=0.9 needs at least 9"),
        ({"coverage": 0.99}, ValueError, "coverage=0.99 needs at least 99 errors known at an origin, and there are 37"),
        ({"series": [1.0, 2.0]}, ValueError, "the model needs 2 earlier rows, but the last possible origin is row 0"),
        ({"series": []}, ValueError, r"series has shape \(0, 1\)"),
        ({"exog": [1.0]}, ValueError, "exog has 1 rows, but series has 40"),
        ({"series": pd.DataFrame({"a": list("ab") * 20})}, ValueError, r"series has columns \['a'\]; expected real"),
        ({"model": Ridge()}, NotFittedError, "not fitted"),
    ],
)
def test_errors(arguments, error, message):
    model = lags(3).fit(*to_supervised(seasonal(40)))
    with pytest.raises(error, match=message):
        backtest(**{"model": model, "series": seasonal(40), "n_steps": 2, **arguments})
