"""Tests of names and index of data frames."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import KFold, ShuffleSplit, TimeSeriesSplit, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn._inputs._frames import require_order
from skrnn.forecasting import forecast, to_supervised
from skrnn.preprocessing import LagsToSequences
from tests.data_warnings import assert_warned_once, data_warnings

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DAYS = pd.date_range("2024", periods=30)
SERIES = pd.Series(np.sin(np.arange(30.0)), index=DAYS, name="sales")
X, Y = to_supervised(SERIES)
SHUFFLED = np.random.default_rng(0).permutation(29)
RNG = np.random.default_rng(1)
TABLE = pd.DataFrame(RNG.normal(size=(12, 4)), columns=["t0", "t1", "t2", "t3"])
TARGETS = TABLE.sum(axis=1).to_numpy()
DECREASES = "The index of X decreases"


def model(**parameters):
    return RNNRegressor((2,), **{"max_iter": 1, "random_state": 0, **parameters})


def windows():
    return make_pipeline(StandardScaler().set_output(transform="pandas"), SlidingWindow(3), model())


# The order of rows


INDICES = {
    "dates": DAYS,
    "dates of a time zone": DAYS.tz_localize("UTC"),
    "periods": DAYS.to_period("D"),
    "integers": pd.Index(np.arange(30) * 2),
    "floats": pd.Index(np.arange(30.0)),
    "lengths of time": DAYS - DAYS[0],
    "dates as strings": DAYS.strftime("%Y-%m-%d"),
    "hours as strings": DAYS.strftime("%Y-%m-%dT%H:%M:%S"),
    "dates of a shop": pd.MultiIndex.from_product([["north"], DAYS]),
    "dates before the shop": pd.MultiIndex.from_product([DAYS, ["north"]]),
    "hours of days": pd.MultiIndex.from_product([DAYS[:5], range(6)]),
    "months of years": pd.MultiIndex.from_product([range(2000, 2005), range(6)]),
}


@pytest.mark.parametrize("name", [name for name in INDICES if name != "lengths of time"])
def test_rows_in_another_order_than_that_of_time(name):
    series = SERIES.to_frame().set_axis(INDICES[name], axis=0)
    assert data_warnings(lambda: SlidingWindow(3).fit(series)) == []
    for rows in (np.arange(30)[::-1], np.append(SHUFFLED, 29), np.r_[1, 0, 2:30]):
        shuffled = series.iloc[rows]
        assert_warned_once(lambda shuffled=shuffled: SlidingWindow(3).fit(shuffled), DECREASES, "X.sort_index()")
        assert data_warnings(lambda shuffled=shuffled: SlidingWindow(3).fit(shuffled.sort_index())) == []


def test_rows_whose_order_says_nothing():
    frame = SERIES.to_frame()
    names = [f"row {i}" for i in SHUFFLED]
    assert data_warnings(lambda: SlidingWindow(3).fit(frame[:29].set_axis(names, axis=0))) == []
    assert data_warnings(lambda: SlidingWindow(3).fit(frame.reset_index(drop=True))) == []
    for repeated in (np.repeat(range(10), 3), [*DAYS[:25], *DAYS[24:29]]):  # numbers; an hour that comes twice
        rows = frame.set_axis(pd.Index(repeated), axis=0)
        assert data_warnings(lambda rows=rows: SlidingWindow(3).fit(rows)) == []
    assert data_warnings(lambda: SlidingWindow(3).fit(frame.to_numpy()[SHUFFLED])) == []
    assert data_warnings(lambda: SlidingWindow(3).fit(pl.DataFrame({"v": SERIES.to_numpy()[SHUFFLED]}))) == []


@pytest.mark.parametrize(
    "days", [DAYS, DAYS.to_period("D"), DAYS.strftime("%Y-%m-%d")], ids=["dates", "periods", "text"]
)
def test_several_series_at_the_same_times(days):
    shops = pd.DataFrame({"shop": [1, 2] * 30, "sales": np.arange(60.0)}, index=np.repeat(days, 2))
    twice = "The index of X has 30 repeated times, such as 2024-01-01"
    assert_warned_once(lambda: SlidingWindow(3).fit(shops), twice, "in rows 0 and 1", "Identify several series")
    assert data_warnings(lambda: SlidingWindow(3, group_column="shop").fit(shops)) == []
    levels = shops.assign(shop=["north", "south"] * 30).set_index("shop", append=True)
    assert_warned_once(lambda: SlidingWindow(3).fit(levels), twice)
    assert data_warnings(lambda: SlidingWindow(3, group_column="shop").fit(levels)) == []
    shuffled = levels.iloc[np.r_[2, 1, 0, 3:60]]
    assert_warned_once(lambda: SlidingWindow(3, group_column="shop").fit(shuffled), f"{DECREASES} within a group")


def test_several_series_one_below_the_other():
    series = pd.DataFrame({"shop": ["north"] * 30 + ["south"] * 30, "sales": np.arange(60.0)}, index=[*DAYS, *DAYS])
    by_shop = SlidingWindow(3, group_column="shop")
    assert_warned_once(lambda: SlidingWindow(3).fit(series[["sales"]]), DECREASES, "identify several series by groups")
    assert data_warnings(lambda: by_shop.fit(series)) == []
    assert data_warnings(lambda: SlidingWindow(3).fit(series[["sales"]], groups=series["shop"])) == []
    assert data_warnings(lambda: by_shop.fit(series.sort_index(kind="stable"))) == []
    assert_warned_once(lambda: by_shop.fit(series.iloc[np.r_[:58, 59, 58]]), f"{DECREASES} within a group")
    levels = series.set_index("shop", append=True).swaplevel()
    assert_warned_once(lambda: SlidingWindow(3).fit(levels), "identify several series by groups")
    assert data_warnings(lambda: SlidingWindow(3).fit(levels, groups=series["shop"])) == []


def test_months_of_years_of_several_series():
    months = pd.MultiIndex.from_product([[2019, 2020], range(1, 13)])
    one = pd.DataFrame({"shop": 0, "sales": np.arange(24.0)}, index=months)
    table = pd.concat([one, one.assign(shop=1)])
    assert data_warnings(lambda: SlidingWindow(3, group_column="shop").fit(table)) == []
    table = table.iloc[np.r_[1, 0, 2:48]]
    assert_warned_once(lambda: SlidingWindow(3, group_column="shop").fit(table), f"{DECREASES} within a group")


def test_order_is_looked_at_through_pipelines_and_in_the_other_methods():
    shuffled, targets = X.iloc[SHUFFLED], Y.iloc[SHUFFLED]
    assert_warned_once(lambda: windows().fit(shuffled, targets), DECREASES)
    fitted = windows().fit(X, Y)
    assert_warned_once(lambda: fitted.predict(shuffled), DECREASES)


def test_series_of_which_the_dates_decrease():
    fitted = windows().fit(X, Y)
    with pytest.raises(
        ValueError, match=r"The index of series decreases, from .* in row \d+; .* series.sort_index\(\)"
    ):
        to_supervised(SERIES.sample(frac=1.0, random_state=0))
    assert data_warnings(lambda: to_supervised(SERIES)) == []
    with pytest.raises(
        ValueError, match=r"The index of history decreases, from .* in row 1; .* history.sort_index\(\)"
    ):
        forecast(fitted, SERIES[::-1], 2)
    assert data_warnings(lambda: forecast(fitted, SERIES, 2)) == []
    one_below_the_other = pd.DataFrame({"shop": 0, "sales": SERIES})
    both = pd.concat([one_below_the_other, one_below_the_other.assign(shop=1)])
    assert data_warnings(lambda: to_supervised(both, groups="shop")) == []
    with pytest.raises(ValueError, match=f"in row {len(SERIES)}; .* identify several series by groups"):
        to_supervised(both[["sales"]])
    assert_warned_once(
        lambda: to_supervised(both[["sales"]].sort_index(kind="stable")), "twice, in rows 0 and 1", "by groups"
    )
    numbers = both[["sales"]].reset_index(drop=True)[::-1]  # which need not be times
    assert_warned_once(lambda: to_supervised(numbers), "The index of series decreases")


TIMES_OF_ROWS = {
    "dates": DAYS[:12],
    "dates of a time zone": DAYS[:12].tz_localize("UTC"),
    "periods": DAYS[:12].to_period("D"),
    "durations": DAYS[:12] - DAYS[0],
    "objects": pd.Index(DAYS[:12].date),
    "numbers behind strings": pd.MultiIndex.from_product([["a"], range(12)]),
    "months of years": pd.MultiIndex.from_product([[2019, 2020], range(1, 7)]),
}


@pytest.mark.parametrize("kind", TIMES_OF_ROWS)
def test_order_of_times_of_every_kind(kind):
    table = pd.DataFrame({"sales": np.arange(12.0)}, TIMES_OF_ROWS[kind])
    assert data_warnings(lambda: require_order(table, None, "table")) == []
    with pytest.raises(ValueError, match=r"The index of table decreases, from .* in row 5"):
        require_order(table.iloc[[0, 1, 2, 3, 5, 4, *range(6, 12)]], None, "table")
    twice = table.iloc[[0, 1, 1, 2]]
    assert_warned_once(lambda: require_order(twice, None, "table"), "twice, in rows 1 and 2")
    assert data_warnings(lambda: require_order(twice, np.array([0, 0, 1, 1]), "table")) == []
    interleaved = table.iloc[[3, 0, 4, 1, 2, 5]]
    assert data_warnings(lambda: require_order(interleaved, np.array(list("ababba")), "table")) == []
    with pytest.raises(ValueError, match=r"The index of table decreases within a group, from .* in row 4"):
        require_order(interleaved, np.array(list("ababaa")), "table")


def test_missing_times():
    days = pd.DatetimeIndex([DAYS[0], pd.NaT, DAYS[1]])
    with pytest.raises(ValueError, match="The index of series has no time in row 1"):
        to_supervised(pd.Series([1.0, 2.0, 3.0], days))


def test_order_in_the_parts_of_a_split():
    folds = ShuffleSplit(2, test_size=0.5, random_state=0)
    messages = data_warnings(lambda: cross_val_score(windows(), X, Y, cv=folds))
    assert len(messages) == 4  # of the rows to fit and of those to score
    assert all(message.startswith(DECREASES) and "TimeSeriesSplit" in message for message in messages)
    X_train, _, y_train, _ = train_test_split(X, Y, random_state=0)
    assert_warned_once(lambda: windows().fit(X_train, y_train), DECREASES)
    for folds in (KFold(3), TimeSeriesSplit(3)):
        assert data_warnings(lambda folds=folds: cross_val_score(windows(), X, Y, cv=folds)) == []


# X and y together


def test_y_in_another_order():
    for estimator, rows in ((windows(), X), (model(), TABLE.set_axis(DAYS[:12], axis=0))):
        y = pd.Series(np.arange(len(rows)), index=rows.index)
        other = y.sample(frac=1.0, random_state=0)
        fit = partial(estimator.fit, rows)
        assert_warned_once(lambda fit=fit, y=other: fit(y), "Pass y.loc[X.index]")
        assert data_warnings(lambda fit=fit, y=y: fit(y)) == []
        assert data_warnings(lambda fit=fit, y=other.loc[rows.index]: fit(y)) == []


def test_y_with_an_index_of_its_own():
    for y in (Y.reset_index(drop=True), Y.set_axis(DAYS[1:]), Y.set_axis([0] * 29), Y.to_numpy(), Y.tolist()):
        assert data_warnings(lambda y=y: windows().fit(X, y)) == []


# Names of columns


LAGS = {
    "newest first": (["lag_1", "lag_2", "lag_3", "lag_4"], "they are not ordered from the oldest to the newest"),
    "mixed": (["lag_4", "lag_2", "lag_3", "lag_1"], "they are not ordered from the oldest to the newest"),
    "the series last but newest first": (
        ["v_t-1", "v_t-2", "v_t-3", "v"],
        "they are not ordered from the oldest to the newest",
    ),
    "the current one first": (
        ["v(t)", "v(t-1)", "v(t-2)", "v(t-3)"],
        "they are not ordered from the oldest to the newest",
    ),
    "with a lag missing at the end": (["sales", "sales_lag1", "sales_lag2", "sales_lag3"], "they are not ordered from"),
    "with a feature": (
        ["lag_3", "lag_2", "lag_1", "month"],
        "columns of different timesteps, or without a timestep, are grouped together",
    ),
    "of two series": (["a_lag_2", "a_lag_1", "b_lag_2", "b_lag_1"], "columns are grouped by series"),
}


@pytest.mark.parametrize("name", LAGS)
@pytest.mark.parametrize("make_frame", [lambda frame: frame, pl.from_pandas], ids=["pandas", "polars"])
def test_columns_that_are_lags_in_another_order(name, make_frame):
    names, problem = LAGS[name]
    table = make_frame(TABLE.set_axis(names, axis=1))
    assert_warned_once(lambda: model().fit(table, TARGETS), problem, "LagsToSequences", repr(names[0]))


@pytest.mark.parametrize(
    "name", ["lag({})", "Lag {}", "lagged_{}", "y_shifted_{}", "y[t-{}]", "t - {}", "y_t_minus_{}", "y.L.{}"]
)
def test_spellings_of_lags(name):
    table = TABLE.set_axis([name.format(lag) for lag in (1, 2, 3, 4)], axis=1)
    assert_warned_once(lambda: model().fit(table, TARGETS), "not ordered from the oldest to the newest")
    assert data_warnings(lambda: model().fit(table.iloc[:, ::-1], TARGETS)) == []


def test_folded_lags_of_several_series():
    def fit(*names):
        table = TABLE.set_axis(names, axis=1)
        return lambda: model(n_timesteps=2).fit(table, TARGETS)

    assert data_warnings(fit("a_lag_2", "b_lag_2", "a_lag_1", "b_lag_1")) == []
    assert_warned_once(fit("a_lag_1", "b_lag_1", "a_lag_2", "b_lag_2"), "not ordered from the oldest")
    assert_warned_once(fit("a_lag_2", "a_lag_1", "b_lag_2", "b_lag_1"), "grouped together")
    assert_warned_once(fit("a_lag_2", "b_lag_2", "b_lag_1", "a_lag_1"), "grouped by series")


@pytest.mark.parametrize(
    "names",
    [
        ["lag_4", "lag_3", "lag_2", "lag_1"],
        ["v_t-3", "v_t-2", "v_t-1", "v"],
        ["t-3", "t-2", "t-1", "t"],
        ["v(t-3)", "v(t-2)", "v(t-1)", "v(t)"],
        ["flag_1", "flag_2", "flag_3", "flag_4"],
        ["event-1", "event-2", "event-3", "event-4"],
        ["t0", "t1", "t2", "t3"],
        ["t4", "t3", "t2", "t1"],
        ["L1", "L2", "L3", "L4"],
        ["shift_1", "shift_2", "shift_3", "shift_4"],
        ["lag", "leg", "log", "lug"],
        [4, 3, 2, 1],
    ],
    ids=str,
)
def test_other_names(names):
    table = TABLE.set_axis(names, axis=1)
    assert data_warnings(lambda: model().fit(table, TARGETS)) == []


@pytest.mark.parametrize("dilation", [1, 2])
def test_names_of_windows_are_right(dilation):
    flat = SlidingWindow(3, dilation=dilation, padding="edge", flatten=True).set_output(transform="pandas")
    for table in (X, X.assign(price=np.random.default_rng(1).normal(size=29))):
        network = model(n_timesteps=3 if table.shape[1] > 1 else None)
        assert data_warnings(lambda table=table, network=network: make_pipeline(flat, network).fit(table, Y)) == []


def test_features_at_dates_that_are_read_as_timesteps():
    table = TABLE.set_axis(["rain", "wind", "sun", "snow"], axis=1).set_axis(DAYS[:12], axis=0)
    cure = "make windows of the rows with SlidingWindow; otherwise set n_timesteps=4"
    assert_warned_once(lambda: model().fit(table, TARGETS), "'rain', 'wind'", cure)
    assert_warned_once(lambda: model().fit(table.to_period("D"), TARGETS), cure)
    fitted = model(n_timesteps=4)
    assert data_warnings(lambda: fitted.fit(table, TARGETS).predict(table)) == []
    assert data_warnings(lambda: make_pipeline(SlidingWindow(3), model()).fit(table, TARGETS)) == []
    assert data_warnings(lambda: model().fit(table.reset_index(drop=True), TARGETS)) == []
    assert data_warnings(lambda: model().fit(table.set_axis(TABLE.columns, axis=1), TARGETS)) == []


# Frames in a list


def frames(package, n=6):
    rng = np.random.default_rng(1)
    samples = [{"temperature": rng.normal(size=5), "pulse": rng.normal(size=5)} for _ in range(n)]
    return [package.DataFrame(sample) for sample in samples]


each_package = pytest.mark.parametrize("package", [pd, pl], ids=["pandas", "polars"])


def swapped(frame):
    return frame[["pulse", "temperature"]]


@each_package
def test_columns_of_frames_in_a_list(package):
    samples, y = frames(package), np.arange(6)
    fitted = model().fit(samples, y)
    assert fitted.feature_names_in_.tolist() == ["temperature", "pulse"]
    assert fitted.n_features_in_ == 2
    np.testing.assert_array_equal(fitted.predict(samples), fitted.predict([s.to_numpy() for s in samples]))
    again = pickle.loads(pickle.dumps(fitted))
    for network in (fitted, again):
        with pytest.raises(ValueError, match="feature names should match those that were passed during fit"):
            network.predict([swapped(sample) for sample in samples])
        renamed = [package.DataFrame({"temperature": s["temperature"], "rate": s["pulse"]}) for s in samples]
        with pytest.raises(ValueError, match=r"(?s)unseen at fit time.*rate.*yet now missing.*pulse"):
            network.predict(renamed)
    one_swapped = [*samples[:3], swapped(samples[3]), *samples[4:]]
    message = r"X has the columns \['pulse', 'temperature'\] in sample 3, but \['temperature', 'pulse'\] in sample 0"
    for call in (lambda: model().fit(one_swapped, y), lambda: fitted.predict(one_swapped)):
        with pytest.raises(ValueError, match=message):
            call()


@each_package
def test_names_of_a_list_are_forgotten_with_the_next_fit(package):
    samples, y = frames(package), np.arange(6)
    fitted = model().fit(samples, y)
    assert not hasattr(fitted.fit([sample.to_numpy() for sample in samples], y), "feature_names_in_")
    mixed = [samples[0], *(sample.to_numpy() for sample in samples[1:])]
    assert not hasattr(fitted.fit(mixed, y), "feature_names_in_")


# Strings and dates


EVENTS = {
    "a table": np.array([["a", "b"], ["b", "a"]]),
    "objects": np.array([["a", "b"], ["b", "a"]], dtype=object),
    "three dimensions": np.array([[["a"], ["b"]], [["b"], ["a"]]]),
    "lists": [["a", "b"], ["b", "a"]],
    "lists of any lengths": [["a", "b"], ["b"]],
    "arrays": [np.array(["a", "b"]), np.array(["b"])],
    "pandas": pd.DataFrame([["a", "b"], ["b", "a"]], columns=["t0", "t1"]),
    "categories": pd.DataFrame([["a", "b"], ["b", "a"]], columns=["t0", "t1"]).astype("category"),
    "polars": pl.DataFrame({"t0": ["a", "b"], "t1": ["b", "a"]}),
    "a list of frames": [pd.DataFrame({"event": ["a", "b"], "value": [1, 2]})] * 2,
}


@pytest.mark.parametrize("form", EVENTS)
def test_events_that_are_not_encoded(form):
    with pytest.raises((TypeError, ValueError), match=r"(?s)strings|<U1.*SequenceTransformer\(OneHotEncoder\(\)\)"):
        RNNClassifier((2,)).fit(EVENTS[form], [0, 1])


@each_package
def test_group_column_that_is_not_named(package):
    table = package.DataFrame({"sales": np.arange(6.0), "shop": list("ababab")})
    hint = "If it says which group a row belongs to, pass it as group_column"
    with pytest.raises(ValueError, match=rf"Column 'shop' of X contains strings, not numbers\. {hint}"):
        SlidingWindow(2).fit(table)
    SlidingWindow(2, group_column="shop").fit(table)


TIMES = {
    "dates": DAYS[:12],
    "dates of a time zone": DAYS[:12].tz_localize("UTC"),
    "periods": DAYS[:12].to_period("D"),
    "lengths of time": (DAYS[:12] - DAYS[0]).to_pytimedelta(),
    "objects": list(DAYS[:12].date),
    "times of the day": [day.time() for day in DAYS[:12]],
}


@pytest.mark.parametrize("kind", TIMES)
@each_package
@pytest.mark.parametrize("alone", [False, True])
def test_column_of_dates(kind, package, alone):
    if package is pl and kind == "periods":
        pytest.skip("polars has none")
    columns = {"value": np.arange(12.0), "when": list(TIMES[kind])}
    if alone:
        del columns["value"]
    table = package.DataFrame(columns)
    for estimator in (SlidingWindow(2), model()):
        with pytest.raises(
            (TypeError, ValueError), match=r"Column 'when' of X contains dates.* Convert dates to numbers first"
        ):
            estimator.fit(table, TARGETS)


@each_package
def test_dates_in_a_list_of_frames(package):
    samples = [package.DataFrame({"value": np.arange(3.0), "when": DAYS[:3]})] * 12
    with pytest.raises(TypeError, match=r"contains dates.* Convert dates to numbers first"):
        model().fit(samples, TARGETS)


@pytest.mark.parametrize("shape", [(12, 2), (12, 3, 2)])
def test_arrays_of_dates(shape):
    dates = np.zeros(shape, "M8[D]")
    with pytest.raises(TypeError, match=r"X contains dates, not numbers\. Convert dates to numbers first"):
        model().fit(dates, TARGETS)


def test_dates_of_polars_among_lags_and_targets():
    table = pl.DataFrame({"value": np.arange(12.0), "when": DAYS[:12]})
    with pytest.raises(TypeError, match="Column 'when' of X contains dates"):
        LagsToSequences().fit(table)
    with pytest.raises(TypeError, match="Column 'when' of y contains dates"):
        model().fit(TABLE, table)
