"""Tests of columns that are known ahead: they are found by time, as one would align them by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from skrnn import RNNRegressor, SlidingWindow
from skrnn.forecasting import backtest, forecast, forecast_interval, to_supervised

DAYS = {
    "days": pd.date_range("2024-01-01", periods=130, name="day"),
    "business days": pd.bdate_range("2024-01-01", periods=130, name="day"),
    "months": pd.period_range("2010-01", periods=130, freq="M", name="month"),
    "hours over the change of the clock": pd.date_range("2024-03-29", periods=130, freq="h", tz="Europe/Berlin"),
    "numbers": pd.Index(np.arange(130) * 7),
}
N_KNOWN = 100


def prices(times, n_columns=2):
    """Return columns that are known at all times, also after the series."""
    values = np.random.default_rng(0).normal(size=(len(times), n_columns))
    return pd.DataFrame(values, times, ["price", "promotion"][:n_columns])


def sales(known, n_rows=N_KNOWN):
    """Return a series that depends on what is known at the same time."""
    noise = 0.1 * np.random.default_rng(1).normal(size=len(known))
    return (known.to_numpy() @ [1.0, -2.0][: known.shape[1]] + noise)[:n_rows]


def one(times="days"):
    """Return (a series of pandas, the columns that are known ahead)."""
    known = prices(DAYS[times])
    return pd.Series(sales(known), known.index[:N_KNOWN], name="sales"), known


def lags(n_timesteps=3, **options):
    """Return windows and a linear model."""
    return make_pipeline(SlidingWindow(n_timesteps, padding="edge", flatten=True, **options), Ridge(1e-3))


def shifted(known, n_leads):
    """Return the columns of the steps ahead beside each row, all of one step first, aligned by hand."""
    return pd.concat([known.shift(-step).add_suffix(f"_t+{step}") for step in range(1, n_leads + 1)], axis=1)


@pytest.mark.parametrize("times", DAYS)
@pytest.mark.parametrize("n_at_once", [1, 3])
def test_equals_columns_that_are_aligned_by_hand(times, n_at_once):
    series, known = one(times)
    shuffled = known.sample(frac=1.0, random_state=0)  # the order of the rows says nothing
    by_hand = shifted(known, n_at_once)
    X, y = to_supervised(series, n_steps=n_at_once, known_ahead=shuffled)
    expected, _ = to_supervised(series, n_steps=n_at_once, exog=by_hand[:N_KNOWN])
    pd.testing.assert_frame_equal(X, expected, check_freq=False)
    model = lags().fit(X, y)
    predictions = forecast(model, series, 6, known_ahead=shuffled)
    history = pd.concat([series, by_hand[:N_KNOWN]], axis=1)
    expected = forecast(model, history, 6, exog=by_hand[N_KNOWN : N_KNOWN + 6])
    pd.testing.assert_series_equal(predictions, expected, rtol=1e-12)
    assert list(predictions.index) == list(known.index[N_KNOWN : N_KNOWN + 6])


def test_it_is_worth_knowing():
    series, known = one()
    truth = sales(known, 120)[N_KNOWN:]
    informed = forecast(lags().fit(*to_supervised(series, known_ahead=known)), series, 20, known_ahead=known)
    blind = forecast(lags().fit(*to_supervised(series)), series, 20)
    assert np.abs(informed - truth).mean() < 0.2 * np.abs(blind - truth).mean()


def test_past_and_future_may_come_apart():
    series, known = one()
    table = pd.concat([series, known[:N_KNOWN]], axis=1)
    X, y = to_supervised(table, known_ahead=known[:N_KNOWN])  # a column of both is no series
    pd.testing.assert_frame_equal(X, to_supervised(series, known_ahead=known)[0])
    assert y.name == "sales_t+1"
    model = lags().fit(X, y)
    expected = forecast(model, series, 5, known_ahead=known)
    pd.testing.assert_series_equal(forecast(model, table, 5, known_ahead=known[N_KNOWN : N_KNOWN + 5]), expected)
    pd.testing.assert_series_equal(forecast(model, table, 5, known_ahead=known[90:]), expected)


def test_beside_exog_and_as_arrays():
    series, known = one()
    exog = pd.Series(np.random.default_rng(2).normal(size=130), DAYS["days"], name="weather")
    model = lags().fit(*to_supervised(series, exog=exog[:N_KNOWN], known_ahead=known))
    assert list(model.feature_names_in_) == ["sales", "weather", "price_t+1", "promotion_t+1"]
    history = pd.concat([series, exog[:N_KNOWN]], axis=1)
    expected = forecast(model, history, 4, exog=exog[N_KNOWN : N_KNOWN + 4], known_ahead=known)
    arrays = {"exog": exog.to_numpy(), "known_ahead": known.to_numpy()}
    of_arrays = lags().fit(*to_supervised(series.to_numpy(), **{**arrays, "exog": arrays["exog"][:N_KNOWN]}))
    arrays["exog"] = arrays["exog"][N_KNOWN:]
    np.testing.assert_allclose(forecast(of_arrays, history.to_numpy(), 4, **arrays), expected, rtol=1e-12)
    by_position = forecast(model, history, 4, exog=exog[N_KNOWN : N_KNOWN + 4].to_numpy(), known_ahead=known)
    np.testing.assert_allclose(by_position, expected, rtol=1e-12)


def test_index_without_a_step_is_continued_by_known_ahead():
    days = DAYS["business days"].delete([20, 21, 50, 104])  # holidays
    known = prices(days)
    series = pd.Series(sales(known), days[:N_KNOWN], name="sales")
    model = lags().fit(*to_supervised(series, known_ahead=known))
    predictions = forecast(model, series, 6, known_ahead=known)
    assert list(predictions.index) == list(days[N_KNOWN : N_KNOWN + 6])
    by_hand = shifted(known.reset_index(drop=True), 1)
    history = pd.concat([series.reset_index(drop=True), by_hand[:N_KNOWN]], axis=1)
    expected = forecast(model, history, 6, exog=by_hand[N_KNOWN : N_KNOWN + 6])
    np.testing.assert_allclose(predictions, expected, rtol=1e-12)


def test_network_that_reads_whole_sequences():
    series, known = one()
    X, y = to_supervised(series, known_ahead=known)
    model = RNNRegressor((3,), return_sequences=True, solver="lbfgs", tol=0.5, random_state=0)
    model.fit(X.to_numpy()[np.newaxis], y.to_numpy()[np.newaxis])
    by_hand = shifted(known, 1)
    history = pd.concat([series, by_hand[:N_KNOWN]], axis=1)
    expected = forecast(model, history, 6, exog=by_hand[N_KNOWN : N_KNOWN + 6])
    pd.testing.assert_series_equal(forecast(model, series, 6, known_ahead=known), expected, rtol=1e-12)


@pytest.mark.axis("n_at_once", [1, 2], quick=[2])
def test_backtests_and_intervals(n_at_once):
    series, known = one()
    by_hand = shifted(known, n_at_once)
    model = lags().fit(*to_supervised(series, n_steps=n_at_once, known_ahead=known))
    result = backtest(model, series, 4, first_origin=50, known_ahead=known, coverage=0.8)
    assert result.origins[-1] == N_KNOWN - 2
    history = pd.concat([series, by_hand[:N_KNOWN]], axis=1)
    for origin, predictions in zip(result.origins, result.forecasts, strict=True):
        expected = forecast(model, history[: origin + 1], 4, exog=by_hand[origin + 1 : origin + 5])
        np.testing.assert_allclose(predictions, expected, rtol=1e-9)
    ends_with_the_series = backtest(model, series, 4, first_origin=50, known_ahead=known[:N_KNOWN])
    n_later = -(-4 // n_at_once) * n_at_once  # steps of whole blocks, for which something has to be known
    assert ends_with_the_series.origins[-1] == N_KNOWN - 1 - n_later
    of_rows = ends_with_the_series.forecasts
    np.testing.assert_allclose(of_rows, result.forecasts[: len(of_rows)], rtol=1e-12)
    middle, lower, upper = forecast_interval(model, series, 4, n_calibration=30, known_ahead=known)
    pd.testing.assert_series_equal(middle, forecast(model, series, 4, known_ahead=known))
    assert ((lower < middle) & (middle < upper)).all()


# panels


def stores():
    """Return a panel of three stores of different lengths, prices of each, a calendar for all, and their sizes."""
    rng = np.random.default_rng(0)
    days = DAYS["days"]
    calendar = pd.DataFrame({"weekday": days.day_name(), "is_open": (days.day_of_week < 5) * 1.0}, days)
    sizes = pd.DataFrame({"size": [2.0, 1.0, 5.0]}, pd.Index(["south", "north", "west"], name="store"))
    rows, of_prices = [], []
    for store, last in (("north", 100), ("south", 80), ("west", 110)):
        price = rng.normal(size=130)
        of_prices.append(pd.DataFrame({"store": store, "price": price}, days))
        values = sizes.loc[store, "size"] * calendar["is_open"] - price + 0.1 * rng.normal(size=130)
        rows.append(pd.DataFrame({"store": store, "sales": values}, days)[:last])
    return pd.concat(rows), pd.concat(of_prices), calendar, sizes


@pytest.mark.parametrize("form", ["column", "level"])
def test_prices_of_each_store_and_sizes_that_repeat(form):
    panel, known, _, sizes = stores()
    expected = []
    model = lags(group_column="store").fit(*to_supervised(panel, groups="store", known_ahead=known, static=sizes))
    assert list(model.feature_names_in_) == ["store", "sales", "price_t+1", "size"]
    for store, rows in panel.groupby("store"):
        by_hand = (
            known[known["store"] == store][["price"]].shift(-1).add_suffix("_t+1").assign(size=sizes.loc[store, "size"])
        )
        history = pd.concat([rows, by_hand.loc[rows.index]], axis=1)
        expected.append(forecast(model, history, 5, exog=by_hand[by_hand.index > rows.index[-1]][:5]))
    if form == "level":
        panel, known = (frame.set_index("store", append=True).swaplevel() for frame in (panel, known))
        model = lags(group_column="store")
        model.fit(*to_supervised(panel, groups="store", known_ahead=known, static=sizes["size"]))
    known = known.sample(frac=1.0, random_state=0)
    predictions = forecast(model, panel, 5, groups="store", known_ahead=known, static=sizes)
    predictions = predictions if form == "level" else predictions["sales"]
    np.testing.assert_allclose(predictions, np.concatenate(expected), rtol=1e-12)


def test_a_calendar_for_all_stores_and_words_for_a_transformer():
    panel, _, calendar, sizes = stores()
    beside = {"groups": "store", "known_ahead": calendar, "static": sizes}
    X, y = to_supervised(panel, **beside)
    weekdays = pd.Series(X.index + pd.Timedelta(days=1)).dt.day_name()
    assert X["weekday_t+1"].tolist() == weekdays.tolist()
    columns = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["weekday_t+1"]), remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    model = make_pipeline(columns, *lags(group_column="store")).fit(X, y)
    result = backtest(model, panel, 7, first_origin="2024-03-01", **beside)
    assert set(result.groups) == {"north", "south", "west"}
    predictions = forecast(model, panel, 7, **beside)
    for store, rows in panel.groupby("store"):
        alone = forecast(model, rows, 7, **beside)
        np.testing.assert_allclose(predictions.loc[predictions["store"] == store, "sales"], alone["sales"], rtol=1e-12)


def test_sizes_in_the_panel_itself_are_no_series():
    panel, known, _, sizes = stores()
    beside = {"groups": "store", "known_ahead": known, "static": sizes}
    whole = panel.assign(size=panel["store"].map(sizes["size"]))
    X, y = to_supervised(whole, **beside)
    assert list(X.columns) == ["store", "sales", "price_t+1", "size"]
    model = lags(group_column="store").fit(X, y)
    pd.testing.assert_frame_equal(forecast(model, whole, 3, **beside), forecast(model, panel, 3, **beside))


def test_hours_of_the_day_through_splines():
    hours = pd.date_range("2024-01-01", periods=24 * 30, freq="h")
    load = pd.Series(np.cos(hours.hour * 2 * np.pi / 24), hours, name="load")
    calendar = pd.DataFrame({"hour": hours.hour}, hours)
    splines = SplineTransformer(knots=np.linspace(0, 24, 7)[:, np.newaxis], extrapolation="periodic", include_bias=True)
    columns = make_column_transformer((splines, ["hour_t+1"]), remainder="passthrough")
    known = {"known_ahead": calendar}
    model = make_pipeline(columns, Ridge(1e-6)).fit(*to_supervised(load[:500], **known))
    assert np.abs(forecast(model, load[:500], 48, **known) - load[500:548]).max() < 0.01


# errors


def test_errors():
    series, known = one()
    model = lags().fit(*to_supervised(series, known_ahead=known))
    with pytest.raises(ValueError, match="known_ahead has no row for 2024-01-11 00:00:00; expected one for each row"):
        to_supervised(series, known_ahead=known.drop(known.index[10]))
    with pytest.raises(ValueError, match="known_ahead has no row for 2024-04-14"):
        forecast(model, series, 6, known_ahead=known[:104])
    with pytest.raises(ValueError, match="known_ahead has several rows for 2024-01-01"):
        to_supervised(series, known_ahead=pd.concat([known, known[:1]]))
    with pytest.raises(ValueError, match=r"known_ahead has the columns \['cost', 'promotion'\], but the model was"):
        forecast(model, series, 6, known_ahead=known.rename(columns={"price": "cost"}))
    with pytest.raises(ValueError, match="known_ahead has times in its index, but the series is an array"):
        to_supervised(series.to_numpy(), known_ahead=known)
    of_arrays = lags().fit(*to_supervised(series.to_numpy(), known_ahead=known.to_numpy()))
    with pytest.raises(ValueError, match="known_ahead has 5 columns for each step, beside 1 others"):
        forecast(of_arrays, series.to_numpy(), 6, known_ahead=np.ones((130, 5)))
    with pytest.raises(ValueError, match="known_ahead has no row for 104"):
        forecast(of_arrays, series.to_numpy(), 6, known_ahead=known.to_numpy()[:104])


def test_known_times_of_another_kind_are_refused():
    series, known = one()
    zoned, periods = series.tz_localize("Europe/Berlin"), series.to_period("D")
    model = lags().fit(*to_supervised(series, known_ahead=known))
    of_dates, of_zone, of_periods = "dates without a time zone", "dates with a time zone", "periods of frequency D"
    for history, ahead, came, expected in (
        (zoned, known, of_dates, of_zone),
        (series, known.tz_localize("UTC"), of_zone, of_dates),
        (series, known.to_period("D"), of_periods, of_dates),
        (periods, known, of_dates, of_periods),
        (periods, known.to_period("M").groupby(level=0).first(), "periods of frequency M", of_periods),
        (series, known.reset_index(drop=True), "numbers", of_dates),
    ):
        message = f"known_ahead has {came} in its index, but the series has {expected}; expected the same"
        with pytest.raises(ValueError, match=message):
            to_supervised(history, known_ahead=ahead)
        with pytest.raises(ValueError, match=message):
            forecast(model, history, 6, known_ahead=ahead)
    to_supervised(zoned, known_ahead=known.tz_localize("Europe/Berlin").tz_convert("UTC"))


def test_errors_of_panels():
    panel, known, calendar, sizes = stores()
    with pytest.raises(ValueError, match="known_ahead has no row for 2024-01-02 00:00:00 of group 'south'"):
        to_supervised(panel, groups="store", known_ahead=known[known["store"] != "south"])
    with pytest.raises(ValueError, match="known_ahead is an array without times, but there are groups"):
        to_supervised(panel, groups="store", known_ahead=calendar[["is_open"]].to_numpy())
    with pytest.raises(ValueError, match="static lacks 1 groups: north"):
        to_supervised(panel, groups="store", static=sizes.drop("north"))
    with pytest.raises(ValueError, match="static has several rows for 'south'"):
        to_supervised(panel, groups="store", static=pd.concat([sizes, sizes[:1]]))
    with pytest.raises(ValueError, match="static is given, but groups is None"):
        to_supervised(panel["sales"][:50], static=sizes)
    with pytest.raises(ValueError, match="known_ahead has groups in its index, but no times"):
        to_supervised(panel, groups="store", known_ahead=sizes)
