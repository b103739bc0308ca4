"""Tests of backtests in which the model is fitted again."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from skrnn import RNNRegressor, SlidingWindow
from skrnn.ensemble import ChangeRegressor, EnsembleRegressor, ResidualRegressor
from skrnn.forecasting import backtest, forecast, to_supervised
from tests.examples import examples
from tests.forecasting.test_backtest import lags, seasonal


def network(**parameters):
    return RNNRegressor((2,), solver="lbfgs", tol=0.1, max_iter=20, random_state=0, **parameters)


BOOSTED = ResidualRegressor([("ridge", Ridge()), ("tree", DecisionTreeRegressor(max_depth=2, random_state=0))])
MODELS = {
    "windows": lags(4),
    "search": GridSearchCV(lags(3), {"ridge__alpha": [0.01, 10.0]}, cv=TimeSeriesSplit(2)),
    "target": TransformedTargetRegressor(lags(3), transformer=StandardScaler()),
    "network": make_pipeline(StandardScaler(), SlidingWindow(3), network()),
    "ensemble": make_pipeline(SlidingWindow(3), EnsembleRegressor(network(), n_estimators=2, random_state=0)),
    "residual": make_pipeline(SlidingWindow(3, padding="edge", flatten=True), BOOSTED),
    "changes": make_pipeline(SlidingWindow(3), ChangeRegressor(network())),
    "sequences": network(return_sequences=True),
}


def fit(model, series, **options):
    """Fit a clone of a model to a series, or to its rows as one sequence."""
    X, y = to_supervised(series, **options)
    if getattr(model, "return_sequences", False):
        X, y = X[np.newaxis], y[np.newaxis]
    return clone(model).fit(X, y)


@pytest.mark.axis("kind", MODELS)
@pytest.mark.axis(("refit", "max_train_size"), [(True, None), (2, 25)])
@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning", "ignore::sklearn.exceptions.ConvergenceWarning")
def test_equals_a_loop_of_fits_and_forecasts(kind, refit, max_train_size):
    series, model = seasonal(48), MODELS[kind]
    result = backtest(
        fit(model, series[:31]), series, 3, first_origin=30, step=4, refit=refit, max_train_size=max_train_size
    )
    np.testing.assert_array_equal(result.origins, [30, 34, 38, 42, 46])
    for i, origin in enumerate(result.origins):
        last = result.origins[i - i % refit]
        first = 0 if max_train_size is None else last + 1 - max_train_size
        expected = forecast(fit(model, series[first : last + 1]), series[: origin + 1], 3)
        np.testing.assert_allclose(result.forecasts[i], expected, rtol=1e-9)


def test_without_refit_the_given_model_forecasts():
    series = seasonal()
    model = fit(lags(3), series[:20])
    never = backtest(model, series, 3, first_origin=19, refit=False)
    always = backtest(model, series, 3, first_origin=19, refit=True)
    rarely = backtest(model, series, 3, first_origin=19, refit=100)
    np.testing.assert_array_equal(never.forecasts, backtest(model, series, 3, first_origin=19).forecasts)
    np.testing.assert_allclose(rarely.forecasts, never.forecasts, rtol=1e-9)  # the same rows
    assert not np.allclose(always.forecasts[1:], never.forecasts[1:])
    np.testing.assert_array_equal(backtest(model, series, 3, first_origin=19).forecasts, never.forecasts)


@given(
    kind=st.sampled_from(["windows", "target", "search"]),
    refit=st.sampled_from([True, 3]),
    max_train_size=st.sampled_from([None, 20]),
    n_at_once=st.integers(1, 3),
    origin=st.integers(20, 57),
)
@examples(16)
def test_no_fit_and_no_interval_sees_what_comes_after_its_origin(kind, refit, max_train_size, n_at_once, origin):
    series = seasonal()
    model = fit(MODELS[kind], series[:20], n_steps=n_at_once)
    options = {"first_origin": 20, "step": 4, "refit": refit, "max_train_size": max_train_size, "coverage": 0.5}
    before = backtest(model, series, 3, **options)
    changed = series.copy()
    changed[origin + 1 :] = 10.0 * np.random.default_rng(0).normal(size=59 - origin)
    after = backtest(model, changed, 3, **options)
    is_past = before.origins <= origin
    for name in ("forecasts", "lower", "upper"):
        np.testing.assert_array_equal(getattr(after, name)[is_past], getattr(before, name)[is_past])


def test_intervals_are_made_of_the_errors_of_the_models_of_their_origins():
    series = seasonal(80)
    result = backtest(fit(lags(3), series[:30]), series, 2, first_origin=29, refit=5, coverage=0.8)
    for i, origin in enumerate(result.origins):
        known = np.abs(result.errors[result.origins + 1 <= origin, 0])
        rank = int(np.ceil((len(known) + 1) * 0.8 - 1e-9))
        expected = np.sort(known)[rank - 1] if rank <= len(known) else np.nan
        np.testing.assert_allclose(result.upper[i, 0] - result.forecasts[i, 0], expected)


@pytest.mark.axis("kind", ["windows", "search", "target"], quick=["search", "target"])
def test_weights_are_those_of_the_rows(kind):
    series, model = seasonal(34), MODELS[kind]
    weights = (np.arange(34) >= 3).astype(float)
    given = fit(model, series[:30])
    result = backtest(given, series, 2, first_origin=29, refit=True, max_train_size=28, sample_weight=weights)
    X, y = to_supervised(series[4:32])  # at origin 31, rows 4 to 31: all weights are 1
    np.testing.assert_allclose(result.forecasts[2], forecast(clone(model).fit(X, y), series[:32], 2))
    X, y = to_supervised(series[2:30])
    first = clone(model).fit(X, y, ridge__sample_weight=weights[2:29])
    np.testing.assert_allclose(result.forecasts[0], forecast(first, series[:30], 2))
    unweighted = backtest(given, series, 2, first_origin=29, refit=True, max_train_size=28)
    assert not np.allclose(unweighted.forecasts[0], result.forecasts[0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("as_series", [False, True])
def test_rows_that_lack_a_target_weigh_nothing(as_series):
    series = seasonal(50)
    series[[20, 41]] = np.nan
    rows = pd.Series(series, name="sales") if as_series else series
    X, y = to_supervised(rows[:40])
    model = make_pipeline(SlidingWindow(5), network())
    fitted = clone(model).fit(X, np.nan_to_num(y), rnnregressor__sample_weight=~np.isnan(y))
    result = backtest(fitted, rows, 2, first_origin=39, refit=100)
    np.testing.assert_allclose(result.forecasts, backtest(fitted, rows, 2, first_origin=39).forecasts, rtol=1e-6)


def test_a_network_on_sequences_skips_missing_targets():
    series = seasonal(40)
    series[10] = np.nan
    model = network(return_sequences=True).fit(*(part[np.newaxis] for part in to_supervised(series[:30])))
    result = backtest(model, series, 2, first_origin=29, refit=100)
    np.testing.assert_allclose(result.forecasts, backtest(model, series, 2, first_origin=29).forecasts)


@pytest.mark.parametrize("n_at_once", [1, 3])
def test_frames_with_exog_and_a_group_column(n_at_once):
    frame = pd.DataFrame({"store": "a", "sales": seasonal(40), "price": np.random.default_rng(0).normal(size=40)})
    model = make_pipeline(SlidingWindow(3, group_column="store", padding="edge", flatten=True), Ridge(0.1))
    options = {"n_steps": n_at_once, "groups": "store"}
    fitted = clone(model).fit(*to_supervised(frame[["store", "sales"]][:30], exog=frame["price"][:30], **options))
    result = backtest(fitted, frame[["store", "sales"]], 4, exog=frame["price"], first_origin=29, refit=100)
    kept = backtest(fitted, frame[["store", "sales"]], 4, exog=frame["price"], first_origin=29)
    np.testing.assert_allclose(result.forecasts, kept.forecasts)
    assert result.series_names == ["sales"]


def test_the_given_model_is_left_as_it_is():
    series = seasonal()
    model = fit(lags(3), series[:20])
    coefficients = model[-1].coef_.copy()
    backtest(model, series, 3, first_origin=19, refit=True)
    np.testing.assert_array_equal(model[-1].coef_, coefficients)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"refit": 0}, ValueError, "refit is 0; expected an integer >= 1"),
        ({"refit": "always"}, TypeError, "refit is 'always' of type str; expected True, False or an integer >= 1"),
        ({"max_train_size": 10, "refit": False}, ValueError, "max_train_size is given, but refit is False"),
        ({"sample_weight": np.ones(40), "refit": False}, ValueError, "sample_weight is given, but refit is False"),
        ({"max_train_size": 1.5}, TypeError, "max_train_size is 1.5 of type float"),
        ({"max_train_size": 2}, ValueError, r"predicts 2 steps.*refitted to 2 rows; expected more rows"),
        ({"first_origin": None}, ValueError, "first_origin is None, but the first refit needs training rows"),
        ({"first_origin": 1}, ValueError, "at the first origin it would be refitted to 2 rows"),
        ({"sample_weight": np.ones(3)}, ValueError, r"sample_weight has shape \(3,\); expected \(40,\)"),
    ],
)
def test_errors(arguments, error, message):
    model = fit(lags(3), seasonal(40), n_steps=2)
    with pytest.raises(error, match=message):
        backtest(model, seasonal(40), 2, **{"refit": True, "first_origin": 20, **arguments})


def test_a_model_without_weights_raises_for_missing_targets():
    series = seasonal(40)
    imputed = SimpleImputer(), SlidingWindow(3, padding="edge", flatten=True)
    model = fit(make_pipeline(*imputed, KNeighborsRegressor(2)), series[:20])
    series[30] = np.nan
    with pytest.raises(TypeError, match=r"KNeighborsRegressor\.fit does not accept it"):
        backtest(model, series, 1, first_origin=35, refit=True)


# groups


def panel(**options):
    """Return a long table of three series of different lengths, whose rows are sorted by time, and a fitted model."""
    days = pd.date_range("2024-01-01", periods=45)
    frames = [
        pd.DataFrame({"store": store, "sales": 5.0 * i + seasonal(45, seed=i)[first:]}, index=days[first:])
        for i, (store, first) in enumerate([("a", 0), ("b", 5), ("c", 12)])
    ]
    table = pd.concat(frames).sort_index(kind="stable")
    model = make_pipeline(SlidingWindow(3, group_column="store", padding="edge", flatten=True), Ridge(0.1))
    return table, model.fit(*to_supervised(table[:"2024-01-30"], groups="store"))


@pytest.mark.axis(("refit", "max_train_size"), [(True, None), (3, None), (2, 10)], quick=[(2, 10)])
def test_with_groups_a_model_knows_all_groups_up_to_the_time_of_the_origin(refit, max_train_size):
    table, model = panel()
    options = {"groups": "store", "first_origin": "2024-01-30", "refit": refit, "max_train_size": max_train_size}
    result = backtest(model, table, 2, **options)
    times = np.unique(result.origin_times)
    for group, time, forecasts in zip(result.groups, result.origin_times, result.forecasts, strict=True):
        number = int(np.searchsorted(times, time))
        past = table[: times[number - number % refit]]
        if max_train_size is not None:
            past = past[past.groupby("store").cumcount(ascending=False) < max_train_size]
        fitted = clone(model).fit(*to_supervised(past, groups="store"))
        history = table[:time]
        np.testing.assert_allclose(forecasts, forecast(fitted, history[history["store"] == group], 2), rtol=1e-9)
    naive = result.naive()
    np.testing.assert_array_equal(naive.forecasts[:, 0], table["sales"].to_numpy()[result.origins])
    scores = result.scores(["MAE", "MASE"])
    assert scores["group"].tolist() == ["a", "a", "b", "b", "c", "c"]
    of_b = result.groups == "b"
    np.testing.assert_allclose(scores["MAE"][2], np.nanmean(np.abs(result.errors[of_b, 0])))
    train = table[:"2024-01-30"].query("store == 'b'")["sales"].to_numpy()
    np.testing.assert_allclose(scores["MASE"][2], scores["MAE"][2] / np.abs(np.diff(train)).mean())


def test_windows_of_groups_need_a_group_column():
    table, _ = panel()
    model = fit(lags(3), table.query("store == 'a'")["sales"])
    with pytest.raises(ValueError, match="windows that do not cross groups, but group_column of the model is None"):
        backtest(model, table, 2, groups="store", first_origin="2024-01-30", refit=True)
