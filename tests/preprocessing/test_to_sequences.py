"""Tests of sequences made of a long table."""

import copy
import pickle
import warnings
from datetime import date
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import OrdinalEncoder

from skrnn import RNNClassifier, RNNRegressor
from skrnn.exceptions import DataWarning
from skrnn.preprocessing import SequenceTransformer, to_sequences
from tests.examples import examples

LIBRARIES = ["pandas", "polars"]


def make_table(library="pandas", **columns):
    """Return a data frame: two patients, whose rows are out of order."""
    return import_module(library).DataFrame(
        {
            "patient": ["ann", "ben", "ann", "ben", "ben"],
            "day": [8, 1, 7, 3, 2],
            "pulse": [72.0, 80.0, 70.0, 82.0, 84.0],
            "steps": [3, 4, 5, 6, 7],
            "ill": [0, 1, 0, 1, 1],
            **columns,
        }
    )


def values_of(sequences):
    return [sequence.tolist() for sequence in sequences]


@pytest.fixture(params=LIBRARIES)
def library(request):
    import_module(request.param)
    return request.param


# what the sequences hold


def test_rows_of_each_group_in_order_of_time(library):
    X, y = to_sequences(make_table(library), group="patient", time="day", target="ill")
    assert values_of(X) == [[[70, 5], [72, 3]], [[80, 4], [84, 7], [82, 6]]]
    assert [sequence.dtype for sequence in X] == [np.float64] * 2
    assert y.tolist() == [0, 1]


def test_levels_of_an_index_are_columns():
    table = make_table()
    parameters = {"group": "patient", "time": "day", "target": "ill"}
    expected = to_sequences(table, **parameters)
    for levels in (["day"], ["patient"], ["patient", "day"], ["day", "patient"], ["ill", "patient", "day"]):
        sequences = to_sequences(table.set_index(levels), **parameters)
        assert values_of(sequences.X) == values_of(expected.X)
        assert sequences.y.tolist() == [0, 1]
        assert sequences.groups.tolist() == ["ann", "ben"]
        assert sequences.to_rows(sequences.rows).tolist() == [0, 1, 2, 3, 4]
    unnamed = table.set_index("day").rename_axis(None)
    assert values_of(to_sequences(unnamed, group="patient", time="index", target="ill").X) == values_of(expected.X)
    twice = table.assign(day=[8, 1, 8, 3, 2]).set_index(["patient", "day"])
    with pytest.raises(ValueError, match=r"time='day' of table is 8 in rows 0 and 2, both of group 'ann'"):
        to_sequences(twice, group="patient", time="day")
    with pytest.raises(ValueError, match=r"time is 'week', but table has .* index levels \['patient', 'day'\]"):
        to_sequences(table.set_index(["patient", "day"]), group="patient", time="week")


@given(codes=st.lists(st.integers(0, 3), min_size=1, max_size=20), seed=st.integers(0, 100))
@examples(40)
def test_rows_come_back_in_the_order_of_the_table(codes, seed):
    rng = np.random.default_rng(seed)
    values, times = rng.normal(size=len(codes)), rng.permutation(len(codes))
    table = import_module("pandas").DataFrame({"group": codes, "time": times, "value": values})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        sequences = to_sequences(table, group="group", time="time")
    np.testing.assert_array_equal(sequences.to_rows([sequence[:, 0] for sequence in sequences.X]), values)
    np.testing.assert_array_equal(sequences.to_rows(sequences.X), values[:, np.newaxis])
    for label, rows, sequence in zip(sequences.groups, sequences.rows, sequences.X, strict=True):
        assert (table["group"].iloc[rows] == label).all()
        assert (np.diff(times[rows]) > 0).all()
        np.testing.assert_array_equal(sequence[:, 0], values[rows])


def test_without_time_rows_keep_their_order(library):
    sequences = to_sequences(make_table(library), group="patient", features=["pulse"])
    assert values_of(sequences.X) == [[[72], [70]], [[80], [82], [84]]]
    assert sequences.y is None
    assert sequences.groups.tolist() == ["ann", "ben"]
    assert values_of(sequences.rows) == [[0, 2], [1, 3, 4]]


def test_features_in_the_order_named_by_name_or_position(library):
    table = make_table(library)
    by_name = to_sequences(table, group="patient", features=["steps", "day"]).X
    by_position = to_sequences(table, group=0, features=[3, -4]).X
    assert values_of(by_name) == values_of(by_position) == [[[3, 8], [5, 7]], [[4, 1], [6, 3], [7, 2]]]


def test_missing_numbers_become_nan(library):
    table = make_table(library, steps=[3, None, 5, 6, 7], pulse=[None, 80.0, 70.0, 82.0, 84.0])
    X = to_sequences(table, group="patient", time="day", features=["pulse", "steps"]).X
    np.testing.assert_array_equal(np.concatenate(X), [[70, 5], [np.nan, 3], [80, np.nan], [84, 7], [82, 6]])


def test_numbers_that_pandas_may_miss():
    pandas = import_module("pandas")
    table = make_table(steps=pandas.array([3, None, 5, 6, 7], dtype="Int64"))
    X = to_sequences(table, group="patient", features=["steps"]).X
    np.testing.assert_array_equal(np.concatenate(X)[:, 0], [3, 5, np.nan, 6, 7])


def test_booleans_that_polars_may_miss():
    table = make_table("polars", well=[True, None, False, True, True])
    X = to_sequences(table, group="patient", features=["well"]).X
    np.testing.assert_array_equal(np.concatenate(X)[:, 0], [1, 0, np.nan, 1, 1])


def test_float32_stays_where_all_are():
    table = make_table().astype({"pulse": np.float32})
    assert to_sequences(table, group="patient", features=["pulse"]).X[0].dtype == np.float32
    assert to_sequences(table, group="patient", features=["pulse", "day"]).X[0].dtype == np.float64


# targets


def test_target_of_each_timestep(library):
    sequences = to_sequences(make_table(library), group="patient", time="day", target="steps", return_sequences=True)
    assert values_of(sequences.y) == [[5, 3], [4, 7, 6]]
    assert sequences.X[0].shape == (2, 2)  # pulse and ill


def test_labels_are_targets(library):
    table = make_table(library, ill=["no", "yes", "no", "yes", "yes"])
    assert to_sequences(table, group="patient", features=["pulse"], target="ill").y.tolist() == ["no", "yes"]


def test_target_that_is_not_one_in_a_group_is_refused(library):
    with pytest.raises(
        ValueError, match=r"target='steps' of table has several values in group 'ann'; expected the same value"
    ):
        to_sequences(make_table(library), group="patient", target="steps")


def test_target_that_is_missing_is_refused_for_a_sequence_and_kept_for_a_timestep(library):
    table = make_table(library, ill=[0, 1, 0, None, 1])
    with pytest.raises(ValueError, match="target='ill' of table is missing in group 'ben'; expected one target"):
        to_sequences(table, group="patient", target="ill")
    y = to_sequences(table, group="patient", target="ill", return_sequences=True).y
    np.testing.assert_array_equal(np.concatenate(y), [0, 0, 1, np.nan, 1])


# times


TIMES = {
    "dates": [date(2024, 1, day) for day in (8, 1, 7, 3, 2)],
    "datetimes": np.array(["2024-01-08", "2024-01-01", "2024-01-07", "2024-01-03", "2024-01-02"], "M8[ns]"),
    "floats": [0.8, 0.1, 0.7, 0.3, 0.2],
    "month starts": np.array(["2024-08-01", "2024-01-01", "2024-07-01", "2024-03-01", "2024-02-01"], "M8[ns]"),
    "month ends": np.array(["2024-08-31", "2024-01-31", "2024-07-31", "2024-03-31", "2024-02-29"], "M8[ns]"),
    "years": np.array(["2008-05-05", "2001-05-05", "2007-05-05", "2003-05-05", "2002-05-05"], "M8[ns]"),
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
def test_times_that_are_evenly_spaced(library, times):
    X = to_sequences(make_table(library, day=times), group="patient", time="day", features=["pulse"]).X
    assert values_of(X) == [[[70], [72]], [[80], [84], [82]]]


def test_times_with_a_zone_and_periods():
    pandas = import_module("pandas")
    for times in (
        pandas.Series(TIMES["datetimes"]).dt.tz_localize("Europe/Paris"),
        pandas.PeriodIndex(TIMES["years"], freq="Y"),
    ):
        X = to_sequences(make_table(day=times), group="patient", time="day", features=["pulse"]).X
        assert values_of(X) == [[[70], [72]], [[80], [84], [82]]]


@pytest.mark.parametrize(
    ("first", "zone"),
    [
        ("2024-03-25", "Europe/Berlin"),
        ("2024-10-22 02:30", "Europe/Berlin"),  # twice on the 27th
        ("2024-09-01", "America/Santiago"),  # there is no midnight on the 8th
    ],
)
@pytest.mark.parametrize("is_polars", [False, True])
def test_days_over_a_change_of_the_clock(first, zone, is_polars):
    pandas, polars = import_module("pandas"), import_module("polars")
    clock = pandas.Series(pandas.date_range(first, periods=14))
    times = clock.dt.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(14, dtype=bool))
    table = pandas.DataFrame({"group": "a", "time": times, "value": np.arange(14.0)})
    months = table.assign(time=pandas.date_range("2024-01-01", periods=14, freq="MS", tz=zone))

    def read(table, rows):
        table = table.iloc[rows]
        if is_polars:
            utc = polars.Series(table["time"].dt.tz_convert(None).to_numpy()).dt.replace_time_zone("UTC")
            table = polars.DataFrame({"group": ["a"] * len(table), "value": table["value"].to_numpy()}).with_columns(
                time=utc.dt.convert_time_zone(zone)
            )
        return to_sequences(table, group="group", time="time")

    assert read(table, range(14)).X[0].ravel().tolist() == list(range(14))
    read(table, range(0, 14, 2))
    read(months, range(14))
    with pytest.warns(DataWarning, match="in group 'a', the row after 2024.* is 2024"):
        read(table, [*range(9), *range(10, 14)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decimal_times_are_even_up_to_rounding(library, dtype):
    times = (np.arange(2000) * 0.1).astype(dtype)
    columns = {"group": np.zeros(2000, dtype=int), "time": times, "value": times}
    assert len(to_sequences(import_module(library).DataFrame(columns), group="group", time="time").X[0]) == 2000
    times[1500:] += 0.1
    with pytest.warns(DataWarning, match="not evenly spaced"):
        to_sequences(import_module(library).DataFrame(columns), group="group", time="time")


def test_a_time_that_occurs_twice_is_refused_and_named(library):
    table = make_table(library, day=[8, 1, 7, 3, 1])
    with pytest.raises(
        ValueError, match="time='day' of table is 1 in rows 1 and 4, both of group 'ben'; expected each"
    ):
        to_sequences(table, group="patient", time="day")
    sequences = to_sequences(make_table(library, day=[1, 1, 2, 3, 2]), group="patient", time="day")
    assert len(sequences.X) == 2  # the same time in two groups is none


GAPS = {
    "integers": ([8, 1, 7, 4, 2], "2 is 4"),
    "floats": ([0.8, 0.1, 0.7, 0.4, 0.2], "0.2 is 0.4"),
    "days": ([date(2024, 1, day) for day in (8, 1, 7, 4, 2)], "2024-01-02.* is 2024-01-04"),
    "months": ([date(2024, month, 1) for month in (8, 1, 7, 4, 2)], "2024-02-01.* is 2024-04-01"),
}


@pytest.mark.parametrize(("times", "gap"), GAPS.values(), ids=GAPS)
def test_a_gap_is_reported(library, times, gap):
    table = make_table(library, day=times)
    message = rf"time='day' of table is not evenly spaced in 1 of 2 groups: in group 'ben', the row after {gap}"
    with pytest.warns(DataWarning, match=message) as caught:
        to_sequences(table, group="patient", time="day", features=["pulse"])
    assert caught[0].filename == __file__


def test_one_line_silences_gaps_and_nothing_else():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        to_sequences(make_table(day=GAPS["integers"][0]), group="patient", time="day")


# the result


def test_result_is_copied_and_pickled_with_what_it_holds():
    sequences = to_sequences(make_table(), group="patient", time="day", target="ill")
    for other in (copy.deepcopy(sequences), pickle.loads(pickle.dumps(sequences))):
        assert values_of(other.rows) == values_of(sequences.rows)
        assert values_of(other.X) == values_of(other[0]) == values_of(sequences.X)
    assert repr(sequences) == "TableSequences(2 sequences of 2 to 3 timesteps, 2 features)"


@pytest.mark.parametrize("values", [[[1.0, 2.0]], [[1.0, 2.0], [3.0]], [1.0, 2.0]])
def test_values_that_do_not_fit_the_sequences_are_refused(values):
    sequences = to_sequences(make_table(), group="patient")
    with pytest.raises(ValueError, match=r"values has entries of lengths .*; expected those of the sequences, 2, 3"):
        sequences.to_rows(values)


def test_predictions_stand_beside_the_rows_of_the_table():
    pandas = import_module("pandas")
    rng = np.random.default_rng(0)
    table = pandas.DataFrame({"shop": np.arange(40) % 4, "day": rng.permutation(40) // 4, "sales": rng.normal(size=40)})
    table = table.drop_duplicates(["shop", "day"])
    table["double"] = 2.0 * table["sales"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        sequences = to_sequences(table, group="shop", time="day", target="double", return_sequences=True)
    X, y = sequences
    model = RNNRegressor((3,), return_sequences=True, solver="lbfgs", tol=1e-3, random_state=0).fit(X, y)
    table["prediction"] = sequences.to_rows(model.predict(X))
    assert np.corrcoef(table["prediction"], table["double"])[0, 1] > 0.95


def test_rows_split_a_table_for_a_transformer(library):
    table = make_table(library, mood=["low", "high", "high", "low", "high"])
    sequences = to_sequences(table, group="patient", time="day", features=["pulse"], target="ill")
    by_row = table.iloc if library == "pandas" else table
    frames = [by_row[rows] for rows in sequences.rows]
    columns = make_column_transformer((OrdinalEncoder(), ["mood"]), ("passthrough", ["pulse"]))
    X = SequenceTransformer(columns).fit_transform(frames)
    assert values_of(X) == [[[0, 70], [1, 72]], [[0, 80], [0, 84], [1, 82]]]
    RNNClassifier((2,), solver="lbfgs", tol=0.01).fit(X, sequences.y)


# refusals


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"group": "name"}, "group is 'name', but table has the columns .*; expected"),
        ({"time": "name"}, "time is 'name', but table has"),
        ({"target": 9}, "target is 9, but table has 5 columns"),
        ({"features": ["pulse", "name"]}, "features is 'name', but table has"),
        ({"features": []}, "features is empty; expected"),
        ({"features": ["patient", "pulse"]}, r"features has columns \['patient'\], which are not numeric; expected"),
    ],
)
def test_wrong_columns_are_refused_and_named(library, parameters, message):
    with pytest.raises(ValueError, match=message):
        to_sequences(make_table(library), **{"group": "patient", **parameters})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"group": None}, "group is None"),
        ({"group": ["patient"]}, "group is"),
        ({"time": 1.5}, "time is 1.5"),
        ({"time": "patient"}, "time='patient' of table has dtype"),
        ({"features": "pulse"}, "features is 'pulse' of type str; expected a list"),
        ({"return_sequences": "yes"}, "return_sequences is 'yes'"),
    ],
)
def test_wrong_types_are_refused_and_named(library, parameters, message):
    with pytest.raises(TypeError, match=message):
        to_sequences(make_table(library), **{"group": "patient", **parameters})


def test_missing_labels_are_refused(library):
    table = make_table(library, patient=["ann", None, "ann", "ben", "ben"])
    with pytest.raises(ValueError, match=r"group='patient' of table is .* in row 1; expected a label in each row"):
        to_sequences(table, group="patient", features=["pulse"])


def test_missing_times_are_refused(library):
    table = make_table(library, day=[8.0, None, 7.0, 3.0, 2.0])
    with pytest.raises(ValueError, match=r"time='day' of table has 1 .*expected"):
        to_sequences(table, group="patient", time="day")


def test_dates_are_no_features(library):
    table = make_table(library, born=TIMES["dates"])
    with pytest.raises(ValueError, match=r"features has columns \['born'\]"):
        to_sequences(table, group="patient")


def test_what_is_no_table_with_features_is_refused(library):
    with pytest.raises(TypeError, match="table has type ndarray; expected a data frame"):
        to_sequences(np.zeros((3, 2)), group=0)
    with pytest.raises(ValueError, match="table has 0 rows; expected"):
        to_sequences(make_table(library)[:0], group="patient")
    with pytest.raises(ValueError, match="table has no feature column; expected"):
        to_sequences(make_table(library)[["patient"]], group="patient")
