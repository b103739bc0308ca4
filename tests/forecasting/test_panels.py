"""Tests of forecasts of several series in one table: they equal those of each series by itself."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skrnn import RNNRegressor, SlidingWindow
from skrnn.ensemble import ChangeRegressor, EnsembleRegressor, HybridRegressor, ResidualRegressor, SeasonalRegressor
from skrnn.exceptions import DataWarning
from skrnn.forecasting import backtest, forecast, forecast_interval, to_supervised

TIMES = {
    "days": pd.date_range("2024-01-30", periods=80, name="day"),
    "months": pd.period_range("2015-01", periods=80, freq="M", name="month"),
    "hours over the change of the clock": pd.date_range("2024-03-29", periods=80, freq="h", tz="Europe/Berlin"),
    "numbers": pd.Index(np.arange(80) * 3, name="week"),
}


def panel(n_groups=5, times=TIMES["days"], n_series=1, lengths=(25, 60), seed=0):
    """Return noisy waves of groups of different lengths, with a column of groups and times as the index."""
    rng = np.random.default_rng(seed)
    frames = []
    for group in range(n_groups):
        n_rows = int(rng.integers(*lengths))
        start = int(rng.integers(0, len(times) - n_rows))
        waves = np.sin(np.arange(n_rows)[:, np.newaxis] / (3.0 + np.arange(n_series)) + group)
        waves = waves + 0.1 * rng.normal(size=waves.shape)
        frame = pd.DataFrame(waves, times[start : start + n_rows], [f"sales{j}" for j in range(n_series)])
        frame.insert(0, "store", f"store {group}")
        frames.append(frame)
    return pd.concat(frames)


def interleaved(table):
    """Return the rows in order of time, so that those of the groups alternate."""
    return table.sort_index(kind="stable")


def lags(n_timesteps=4, **options):
    """Return windows of rows with a column of groups, and a linear model."""
    options = {"padding": "edge", "group_column": "store", **options}
    return make_pipeline(SlidingWindow(n_timesteps, flatten=True, **options), Ridge(1e-3))


def network(**options):
    return RNNRegressor((3,), solver="lbfgs", tol=0.5, random_state=0, **options)


def centred(X):
    """Subtract from each group the mean of all of its rows, which reach back further than is said."""
    return X.assign(**{"sales0": X["sales0"] - X.groupby("store")["sales0"].transform("mean")})


def behind_windows(estimator):
    return make_pipeline(SlidingWindow(4, padding="edge", group_column="store"), estimator)


MODELS = {
    "windows": lags(),
    "dilated": lags(3, dilation=2),
    "network": behind_windows(network()),
    "ensemble": EnsembleRegressor(behind_windows(network()), n_estimators=2, random_state=0),
    "residual": ResidualRegressor([("ridge", lags()), ("network", behind_windows(network()))], shrinkage=0.5),
    "change": behind_windows(ChangeRegressor(Ridge())),
    "seasonal": behind_windows(SeasonalRegressor(network(), 2)),
    "hybrid": behind_windows(HybridRegressor(network=network(), n_networks=1, random_state=0)),
    "target": TransformedTargetRegressor(lags(), transformer=StandardScaler()),
    "centred": make_pipeline(FunctionTransformer(centred), *lags()),
    "scaled": make_pipeline(
        make_column_transformer(
            (StandardScaler(), ["sales0"]), remainder="passthrough", verbose_feature_names_out=False
        ).set_output(transform="pandas"),
        *lags(),
    ),
    "store as a feature": make_pipeline(
        make_column_transformer((OneHotEncoder(), ["store"]), remainder="passthrough"), Ridge()
    ),
}


def one_by_one(model, table, n_steps, exog=None, groups=None):
    """Return the forecasts of each group by itself, one below the other, with the column of groups."""
    paths = []
    for store, rows in table.groupby("store", sort=False):
        ahead = None if exog is None else exog[exog["store"] == store].drop(columns="store")
        path = forecast(model, rows, n_steps, exog=ahead, groups=groups)
        paths.append(path if groups else path.to_frame().assign(store=store)[["store", "sales0"]])
    return pd.concat(paths)


@pytest.mark.axis("kind", MODELS, quick=[kind for kind in MODELS if kind != "hybrid"])
def test_equals_a_loop_over_the_groups(kind):
    table = interleaved(panel(3))
    model = MODELS[kind].fit(*to_supervised(table, groups="store"))
    groups = "store" if kind == "store as a feature" else None  # no window tells the model what the column is
    expected = one_by_one(model, table.rename_axis(None), 4, groups=groups)
    predictions = forecast(model, table, 4, groups="store")
    assert list(predictions.columns) == ["store", "sales0"]
    assert predictions.index.name == "day"
    pd.testing.assert_frame_equal(predictions.rename_axis(None), expected, rtol=1e-12, atol=1e-12, check_freq=False)


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("n_series", [1, 2])
def test_labels_are_those_of_each_group(times, n_series):
    whole = panel(times=TIMES[times], n_series=n_series)
    table = pd.concat([rows[:-4] for _, rows in whole.groupby("store", sort=False)])
    model = lags().fit(*to_supervised(table, groups="store"))
    predictions = forecast(model, table, 4, groups="store")
    expected = pd.concat([rows[-4:] for _, rows in whole.groupby("store", sort=False)])
    assert list(predictions.index) == list(expected.index)
    assert predictions["store"].tolist() == expected["store"].tolist()


def test_many_series_of_different_lengths_take_one_prediction_per_step():
    class Counting(Ridge):
        n_calls = 0

        def predict(self, X):
            Counting.n_calls += 1
            return super().predict(X)

    table = panel(15)
    model = make_pipeline(SlidingWindow(4, padding="edge", flatten=True, group_column="store"), Counting())
    model.fit(*to_supervised(table, groups="store"))
    predictions = forecast(model, table, 6, groups="store")
    assert Counting.n_calls == 6
    expected = one_by_one(model, table, 6)
    np.testing.assert_allclose(predictions["sales0"], expected["sales0"], rtol=1e-12, atol=1e-12)


def test_groups_in_a_level_of_the_index():
    table = interleaved(panel())
    model = lags().fit(*to_supervised(table, groups="store"))
    expected = forecast(model, table, 3, groups="store")
    for order in (["store", "day"], ["day", "store"]):
        indexed = table.set_index("store", append=True).reorder_levels(order)
        X, y = to_supervised(indexed, groups="store")
        assert list(X.columns) == ["sales0"]
        assert X.index.names == y.index.names == order
        of_levels = lags().fit(X, y)
        assert of_levels[0].get_feature_names_out().tolist() == ["sales0_t-3", "sales0_t-2", "sales0_t-1", "sales0"]
        predictions = forecast(of_levels, indexed, 3, groups="store")
        assert predictions.index.names == order
        assert predictions.name == "sales0"
        np.testing.assert_array_equal(predictions, expected["sales0"])
        assert predictions.index.get_level_values("store").tolist() == expected["store"].tolist()
        assert predictions.index.get_level_values("day").tolist() == expected.index.tolist()
    series = indexed["sales0"]
    pd.testing.assert_series_equal(forecast(of_levels, series, 3, groups="store"), predictions)


def test_further_levels_repeat_and_an_index_of_groups_alone_gets_steps():
    table = panel(3)
    model = lags().fit(*to_supervised(table, groups="store"))
    expected = forecast(model, table, 2, groups="store")
    region = table["store"].map({"store 0": "north", "store 1": "south", "store 2": "north"}).rename("region")
    three = table.set_index([region, "store"], append=True).reorder_levels(["region", "store", "day"])
    of_levels = lags().fit(*to_supervised(three, groups="store"))
    predictions = forecast(of_levels, three, 2, groups="store")
    assert predictions.index.get_level_values("region").tolist() == ["north"] * 2 + ["south"] * 2 + ["north"] * 2
    assert predictions.index.get_level_values("day").tolist() == expected.index.tolist()
    alone = table.set_index("store")
    predictions = forecast(of_levels, alone, 2, groups="store")
    assert predictions.index.tolist() == [(f"store {i}", step) for i in range(3) for step in (1, 2)]
    assert predictions.index.names == ["store", "step"]
    np.testing.assert_allclose(predictions, expected["sales0"])


def test_labels_beside_the_table():
    table = panel()
    values, labels = table[["sales0"]], table["store"]
    model = Ridge().fit(*to_supervised(values, groups=labels))
    expected = forecast(model, table, 3, groups="store")  # the model has seen no store
    predictions = forecast(model, values, 3, groups=labels)
    np.testing.assert_array_equal(predictions, expected["sales0"])
    assert predictions.index.tolist() == list(zip(expected["store"], expected.index, strict=True))
    assert predictions.index.names == ["store", "day"]
    assert forecast(model, values, 3, groups=labels.to_numpy()).index.names == [None, "day"]
    plain = Ridge().fit(*to_supervised(values.to_numpy(), groups=labels))
    np.testing.assert_array_equal(forecast(plain, values.to_numpy(), 3, groups=labels), predictions)


def test_arrays_with_a_column_of_groups_keep_it():
    table = panel()
    numbered = np.column_stack([table["sales0"], table["store"].str[-1].astype(int)])
    model = make_pipeline(SlidingWindow(4, padding="edge", flatten=True, group_column=-1), Ridge())
    model.fit(*to_supervised(numbered, groups=1))
    predictions = forecast(model, numbered, 3, groups=1)
    assert predictions.shape == (15, 2)
    np.testing.assert_array_equal(predictions[:, 1], np.repeat(np.arange(5), 3))
    for group in range(5):
        alone = forecast(model, numbered[numbered[:, 1] == group], 3)
        np.testing.assert_allclose(predictions[predictions[:, 1] == group, 0], alone, rtol=1e-12)


def test_column_of_groups_keeps_its_place_and_dtype():
    table = panel(n_series=2).astype({"store": "category"})[["sales0", "store", "sales1"]]
    model = lags().fit(*to_supervised(table, groups="store"))
    predictions = forecast(model, table, 2, groups="store")
    assert list(predictions.columns) == ["sales0", "store", "sales1"]
    assert predictions["store"].dtype == table["store"].dtype


def test_network_that_reads_whole_sequences():
    table = panel()
    sequences = [rows[["sales0"]].to_numpy() for _, rows in table.groupby("store", sort=False)]
    model = network(return_sequences=True).fit([x[:-1] for x in sequences], [x[1:, 0] for x in sequences])
    predictions = forecast(model, table, 5, groups="store")
    for store, rows in table.groupby("store", sort=False):
        of_store = predictions.loc[predictions["store"] == store, "sales0"]
        pd.testing.assert_series_equal(of_store, forecast(model, rows["sales0"], 5), rtol=1e-12, check_freq=False)
    np.testing.assert_allclose(forecast(model, sequences, 5).ravel(), predictions["sales0"], rtol=1e-12)


# exog


@pytest.mark.parametrize("index", ["column", "level", "array"])
def test_exog_goes_to_its_group(index):
    whole = panel(4)
    whole["price"] = np.random.default_rng(1).normal(size=len(whole))
    table = pd.concat([rows[:-4] for _, rows in whole.groupby("store", sort=False)])
    ahead = pd.concat([rows[-4:] for _, rows in whole.groupby("store", sort=False)]).drop(columns="sales0")
    model = lags().fit(*to_supervised(table[["store", "sales0"]], exog=table[["price"]], groups="store"))
    expected = one_by_one(model, table, 5, exog=ahead)
    if index == "array":
        ahead = ahead["price"].to_numpy().reshape(4, 4, 1)
    else:
        ahead = ahead.iloc[::-1].sort_index(kind="stable")  # groups in another order
    if index == "level":
        table, ahead = (frame.set_index("store", append=True) for frame in (table, ahead))
        model = lags().fit(*to_supervised(table[["sales0"]], exog=table[["price"]], groups="store"))
    predictions = forecast(model, table, 5, exog=ahead, groups="store")
    values = predictions if index == "level" else predictions["sales0"]
    np.testing.assert_allclose(values, expected["sales0"], rtol=1e-12)


def test_errors_of_exog_name_the_group():
    table = panel(3).assign(price=1.0)
    model = lags().fit(*to_supervised(table[["store", "sales0"]], exog=table[["price"]], groups="store"))
    ahead = forecast(lags().fit(*to_supervised(table, groups="store")), table, 3, groups="store")
    ahead = ahead[["store", "sales0"]].rename(columns={"sales0": "price"})
    with pytest.raises(ValueError, match="exog lacks 1 groups of history: store 2"):
        forecast(model, table, 3, exog=ahead[ahead["store"] != "store 2"], groups="store")
    late = ahead.set_axis(ahead.index + pd.Timedelta(days=1) * (ahead["store"] == "store 1").astype(int), axis=0)
    with pytest.raises(ValueError, match="Group 'store 1': exog begins at"):
        forecast(model, table, 3, exog=late, groups="store")
    with pytest.raises(ValueError, match=r"exog has shape \(9,\); expected \(3, n_steps, n_exog\)"):
        forecast(model, table, 3, exog=np.ones(9), groups="store")
    with pytest.raises(ValueError, match=r"exog has the columns \['price'\] and the index levels"):
        forecast(model, table, 3, exog=ahead[["price"]], groups="store")


# short groups, and errors


def test_short_groups_are_named_and_forecast_like_short_series():
    table = panel(6)
    short = pd.concat([table, table[table["store"] == "store 0"][:2].assign(store="new")])
    model = lags().fit(*to_supervised(table, groups="store"))
    with pytest.warns(
        DataWarning, match="1 of 7 groups in history have fewer rows than the windows of the model, 4: new"
    ) as warned:
        predictions = forecast(model, short, 3, groups="store")
    assert len(warned) == 1
    with pytest.warns(DataWarning):
        alone = forecast(model, short[short["store"] == "new"], 3)
    np.testing.assert_allclose(predictions["sales0"][-3:], alone, rtol=1e-12)
    expected = forecast(model, table, 3, groups="store")
    np.testing.assert_allclose(predictions["sales0"][:-3], expected["sales0"], rtol=1e-12)


def test_groups_that_are_none():
    table = panel()
    model = lags().fit(*to_supervised(table, groups="store"))
    with pytest.raises(ValueError, match=r"history has 5 groups in column 'store'; .* groups='store'"):
        forecast(model, table, 3)
    for call, name in ((forecast, "history"), (backtest, "series")):
        with pytest.raises(ValueError, match=f"groups is 'shop', but {name} has the columns .* and the index levels"):
            call(model, table, 3, groups="shop")
        with pytest.raises(ValueError, match=r"groups has shape \(2,\); expected one label per row"):
            call(model, table, 3, groups=["a", "b"])
    decreasing = table.iloc[::-1]
    with pytest.raises(ValueError, match="The index of history decreases within a group"):
        forecast(model, decreasing, 3, groups="store")


# intervals


def test_conformal_intervals_equal_those_of_each_group():
    table = panel(lengths=(45, 60))
    model = lags().fit(*to_supervised(table, groups="store"))
    result = forecast_interval(model, table, 3, coverage=0.8, n_calibration=20, groups="store")
    for store, rows in table.groupby("store", sort=False):
        alone = forecast_interval(model, rows, 3, coverage=0.8, n_calibration=20)
        for of_panel, of_store in zip(result, alone, strict=True):
            assert list(of_panel.columns) == ["store", "sales0"]
            np.testing.assert_allclose(of_panel.loc[of_panel["store"] == store, "sales0"], of_store, rtol=1e-12)
    with pytest.raises(ValueError, match=r"Group 'store \d': n_calibration is 50, but history has"):
        forecast_interval(model, table, 3, n_calibration=50, groups="store")


def test_quantiles_equal_those_of_each_group():
    table = panel()
    quantiles = network(loss="quantile", quantile=[0.1, 0.5, 0.9])
    model = behind_windows(quantiles).fit(*to_supervised(table, n_steps=3, groups="store"))
    result = forecast_interval(model, table, 2, coverage=0.8, groups="store")
    for store, rows in table.groupby("store", sort=False):
        alone = forecast_interval(model, rows, 2, coverage=0.8)
        for of_panel, of_store in zip(result, alone, strict=True):
            np.testing.assert_allclose(of_panel.loc[of_panel["store"] == store, "sales0"], of_store, rtol=1e-12)


def test_the_group_without_a_constant_step_is_named():
    table = panel(3, lengths=(25, 30))
    irregular = table[~((table["store"] == "store 1") & (table.index == table.index[table["store"] == "store 1"][20]))]
    irregular = pd.concat([irregular[:1].assign(store="new"), irregular])
    model = lags().fit(*to_supervised(table, groups="store"))
    message = "no constant step in group 'store 1': .* comes after .*, and forecasts of all groups are numbered"
    with pytest.warns(DataWarning) as caught:
        path = forecast(model, irregular, 2, groups="store")
    assert [bool(re.search(message, str(warning.message))) for warning in caught] == [False, True]
    assert "1 of 4 groups in history have fewer rows" in str(caught[0].message)
    assert path.index.names == ["step"]


# backtests


@pytest.mark.axis("kind", ["windows", "network", "centred", "target"], quick=["network", "centred"])
def test_backtest_equals_that_of_each_group(kind):
    table = interleaved(panel(3))
    model = MODELS[kind].fit(*to_supervised(table, groups="store"))
    result = backtest(model, table, 4, first_origin=14, step=2, coverage=0.6, groups="store")
    for store, rows in table.groupby("store", sort=False):
        alone = backtest(model, rows, 4, first_origin=14, step=2, coverage=0.6)
        chosen = result.groups == store
        for name in ("forecasts", "truth", "lower", "upper"):
            np.testing.assert_allclose(getattr(result, name)[chosen], getattr(alone, name), rtol=1e-9, atol=1e-12)
        for name in ("origin_times", "target_times"):
            np.testing.assert_array_equal(getattr(result, name)[chosen], getattr(alone, name))
        np.testing.assert_array_equal(table.index[result.origins[chosen]], alone.origin_times)
        assert set(table["store"].iloc[result.origins[chosen]]) == {store}


def test_backtest_from_a_time_on():
    table = panel()
    model = lags().fit(*to_supervised(table[table.index <= "2024-03-01"], groups="store"))
    result = backtest(model, table, 2, first_origin="2024-03-01", groups="store")
    for store, rows in table.groupby("store", sort=False):
        origins = result.origin_times[result.groups == store]
        n_known = max(4, (rows.index <= "2024-03-01").sum())  # four rows make a window
        np.testing.assert_array_equal(origins, rows.index[n_known - 1 : -1])
    with pytest.raises(TypeError, match="first_origin is '2024-03-01' of type str"):
        backtest(model, table.reset_index(drop=True), 2, first_origin="2024-03-01", groups="store")


def test_backtest_with_exog():
    table = panel(3).assign(price=lambda rows: np.arange(len(rows)) % 7)
    columns = {"exog": table[["price"]], "groups": "store"}
    model = lags().fit(*to_supervised(table[["store", "sales0"]], **columns))
    result = backtest(model, table[["store", "sales0"]], 3, **columns)
    for store, rows in table.groupby("store", sort=False):
        alone = backtest(model, rows[["store", "sales0"]], 3, exog=rows[["price"]])
        np.testing.assert_allclose(result.forecasts[result.groups == store], alone.forecasts, rtol=1e-9)


def test_exog_that_tells_its_groups_is_matched_by_group_and_time():
    table = interleaved(panel(3)).assign(price=lambda rows: np.arange(len(rows)) % 7)
    series = table[["store", "sales0"]]
    expected = to_supervised(series, exog=table[["price"]], groups="store")
    exog = table[["store", "price"]].sample(frac=1.0, random_state=0)
    X, y = to_supervised(series, exog=exog, groups="store")
    pd.testing.assert_frame_equal(X, expected.X)
    model = lags().fit(X, y)
    result = backtest(model, series, 3, exog=exog, groups="store")
    of_rows = backtest(model, series, 3, exog=table[["price"]], groups="store")
    np.testing.assert_array_equal(result.forecasts, of_rows.forecasts)
    levels = [frame.set_index("store", append=True) for frame in (series, exog)]
    X, _ = to_supervised(levels[0], exog=levels[1], groups="store")
    assert X["price"].tolist() == expected.X["price"].tolist()
    with pytest.raises(ValueError, match=r"exog has no row for .* of group 'store \d'"):
        to_supervised(series, exog=exog[1:], groups="store")


def test_groups_without_an_origin_are_left_out():
    table = panel(3)
    model = lags().fit(*to_supervised(table, groups="store"))
    short = pd.concat([table, table[:2].assign(store="new")])
    with pytest.warns(UserWarning, match="1 groups have no row to forecast from and are left out: new"):
        result = backtest(model, short, 2, groups="store")
    assert sorted(set(result.groups)) == ["store 0", "store 1", "store 2"]


def test_a_sequence_that_has_ended_does_not_run_on():
    """With these weights, a sequence of 2,000 ones would leave the range of floats."""
    model = RNNRegressor((1,), activation="relu", return_sequences=True, max_iter=1, normalize_X=False, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(np.ones((2, 3, 1)), np.ones((2, 3)))
    model.input_weights_[0][...], model.recurrent_weights_[0][...], model.biases_[0][...] = 1.0, 1.5, 0.0
    model.readout_weights_[...], model.readout_bias_[...] = 1.0, 0.0
    together = forecast(model, [-np.ones(2000), np.ones(5)], 1)
    np.testing.assert_array_equal(together, [[0.0], [1.5**4 + 1.5**3 + 1.5**2 + 1.5 + 1.0]])
