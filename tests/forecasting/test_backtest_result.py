"""Tests of what a backtest says of its forecasts."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_pinball_loss,
    root_mean_squared_error,
)

from skrnn.forecasting import Backtest, backtest, to_supervised
from skrnn.metrics import (
    interval_coverage,
    mean_absolute_scaled_error,
    mean_interval_width,
    symmetric_mean_absolute_percentage_error,
)
from tests.forecasting.test_backtest import lags, seasonal

MISSING = [33, 41]


def result_of(n_series=1, coverage=0.6, as_frame=False):
    """Return the backtest of a series of which some rows are missing, from row 29 on."""
    series = seasonal(60, n_series)
    model = lags(3).fit(*to_supervised(series[:30]))
    result = backtest(model, series, 4, first_origin=29, coverage=coverage)
    for row in MISSING:  # the truth alone: Ridge knows no missing lags
        result.truth[result.target_times == row] = np.nan
    return result


def panel():
    """Return a backtest of two groups whose rows are interleaved."""
    series = np.array([1.0, 10.0, 2.0, 30.0, 4.0, 20.0, 7.0, 50.0, 9.0, 60.0])
    target_times = np.array([[6, 8], [7, 9], [9, 11]])
    truth = np.array([[7.0, 9.0], [50.0, 60.0], [60.0, np.nan]])
    forecasts = np.array([[6.0, 6.0], [40.0, 70.0], [50.0, 50.0]])
    groups, series_groups = np.array(["a", "b", "b"]), np.array(list("ababababab"))
    origins = np.array([4, 5, 7])
    return Backtest(
        origins, origins, target_times, forecasts, truth, series=series, groups=groups, series_groups=series_groups
    )


# the naive forecast


@pytest.mark.parametrize("season", [1, 3, 12])
def test_naive_forecasts_are_the_latest_values_of_the_same_season(season):
    result = result_of()
    naive = result.naive(season)
    for i, origin in enumerate(result.origins):
        for k in range(1, 5):
            row = origin + k
            while row > origin:
                row -= season
            assert naive.forecasts[i, k - 1] == result.series[row]
    np.testing.assert_array_equal(naive.truth, result.truth)
    np.testing.assert_array_equal(naive.origins, result.origins)
    assert naive.lower is None


def test_naive_forecasts_pass_over_missing_values():
    series = np.array([1.0, 2.0, np.nan, np.nan, 3.0, np.nan])
    result = Backtest(
        np.array([3, 5]), np.array([3, 5]), np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3)), series=series
    )
    np.testing.assert_array_equal(result.naive().forecasts, [[2.0] * 3, [3.0] * 3])
    np.testing.assert_array_equal(result.naive(2).forecasts, [[1.0, 2.0, 1.0], [3.0, 2.0, 3.0]])
    np.testing.assert_array_equal(result.naive(5).forecasts, [[np.nan, 1.0, 2.0], [2.0, np.nan, np.nan]])


def test_naive_forecasts_of_groups_stay_in_their_group():
    np.testing.assert_array_equal(panel().naive(2).forecasts, [[2.0, 4.0], [30.0, 20.0], [20.0, 50.0]])


def test_several_series_have_naive_forecasts_of_their_own():
    result = result_of(2)
    np.testing.assert_array_equal(
        result.naive().forecasts, np.repeat(result.series[result.origins][:, np.newaxis], 4, 1)
    )


# the long table


def test_the_long_table_has_a_row_per_forecast():
    frame = result_of(2).to_frame()
    assert frame.columns.tolist() == ["series", "origin", "target", "step", "truth", "forecast", "lower", "upper"]
    result = result_of(2)
    assert len(frame) == result.forecasts.size
    row = frame[(frame["origin"] == 40) & (frame["step"] == 3) & (frame["series"] == 1)].iloc[0]
    assert (row["target"], row["truth"]) == (43, result.series[43, 1])
    assert row["forecast"] == result.forecasts[11, 2, 1]
    assert row["upper"] == result.upper[11, 2, 1]
    assert result_of(coverage=None).to_frame().columns.tolist() == ["origin", "target", "step", "truth", "forecast"]
    assert panel().to_frame()["group"].tolist() == ["a", "a", "b", "b", "b", "b"]


@pytest.mark.parametrize(
    "index",
    [
        pd.period_range("2024-01", periods=40, freq="M"),
        pd.date_range("2024-01-01", periods=40, freq="h", tz="Europe/Berlin"),
        pd.date_range("2024-01-01", periods=40),
    ],
)
def test_labels_keep_their_type(index):
    series = pd.Series(seasonal(40), name="sales", index=index)
    frame = backtest(Ridge().fit(*to_supervised(series)), series, 2, first_origin=36).to_frame()
    assert frame["target"].dtype == index.dtype
    assert frame["origin"].iloc[-1] == index[-2]
    assert (frame["series"] == "sales").all()


# measures


@pytest.mark.parametrize("n_series", [1, 2])
def test_scores_are_those_of_the_metrics(n_series):
    result = result_of(n_series)
    table = result.scores(season=3)
    assert len(table) == 4 * n_series
    shape = (*result.forecasts.shape[:2], n_series)
    truth, forecasts, lower, upper = (
        part.reshape(shape) for part in (result.truth, result.forecasts, result.lower, result.upper)
    )
    for _, row in table.iterrows():
        j, k = int(row.get("series", 0)), int(row["step"]) - 1
        known = np.isfinite(truth[:, k, j])
        inside = known & np.isfinite(lower[:, k, j])
        pair = truth[known, k, j], forecasts[known, k, j]
        train = result.series.reshape(60, -1)[:30, j]
        bounds = lower[inside, k, j], upper[inside, k, j]
        expected = {
            "n": known.sum(),
            "n_missing": (~known).sum(),
            "MAE": mean_absolute_error(*pair),
            "RMSE": root_mean_squared_error(*pair),
            "MASE": mean_absolute_scaled_error(*pair, y_train=train, season=3),
            "sMAPE": symmetric_mean_absolute_percentage_error(*pair),
            "pinball": np.mean(
                [mean_pinball_loss(truth[inside, k, j], b, alpha=a) for a, b in zip((0.2, 0.8), bounds, strict=True)]
            ),
            "coverage": interval_coverage(truth[inside, k, j], *bounds),
            "width": mean_interval_width(*bounds),
        }
        assert list(row.index[-9:]) == list(expected)
        np.testing.assert_allclose(row[list(expected)].astype(float), list(expected.values()), rtol=1e-12)


def test_missing_truth_is_counted():
    table = result_of().scores()
    assert table["n"].tolist() == [30 - 2, 30 - 1 - 2, 30 - 2 - 2, 30 - 3 - 2]
    assert (table["n"] + table["n_missing"] == 30).all()


def test_groups_and_steps_can_be_taken_together():
    result = panel()
    table = result.scores(["MAE", "MASE"])
    assert table[["group", "step"]].to_numpy().tolist() == [["a", 1], ["a", 2], ["b", 1], ["b", 2]]
    np.testing.assert_allclose(table["MAE"], [1.0, 3.0, 10.0, 10.0])
    np.testing.assert_allclose(table["MASE"], [1.0 / 1.5, 3.0 / 1.5, 10.0 / 15.0, 10.0 / 15.0])
    assert table["n_missing"].tolist() == [0, 0, 0, 1]
    by_group = result.scores(["MAE"], by="group").set_index("group")
    np.testing.assert_allclose(by_group["MAE"], [2.0, 10.0])
    in_all = result.scores(["RMSE"], by=[])
    assert in_all.columns.tolist() == ["n", "n_missing", "RMSE"]
    np.testing.assert_allclose(in_all["RMSE"], [np.sqrt((1.0 + 9.0 + 300.0) / 5.0)])
    assert len(result.scores(by=["origin"])) == 3


def test_functions_and_other_names():
    result = result_of()
    tail = partial(mean_pinball_loss, alpha=0.9)
    table = result.scores({"MAPE": mean_absolute_percentage_error, "tail": tail, "error": "MAE"})
    assert table.columns.tolist() == ["step", "n", "n_missing", "MAPE", "tail", "error"]
    known = np.isfinite(result.truth[:, 1])
    pair = result.truth[known, 1], result.forecasts[known, 1]
    np.testing.assert_allclose(table["MAPE"][1], mean_absolute_percentage_error(*pair))
    np.testing.assert_allclose(table["tail"][1], tail(*pair))
    assert "mean_absolute_error" in result.scores(mean_absolute_error)


def test_a_cell_without_truth_has_no_score():
    result = result_of(coverage=None)
    result.truth[:, 2] = np.nan
    table = result.scores(["MAE", mean_absolute_error])
    assert np.isnan(table["MAE"][2])
    assert np.isnan(table["mean_absolute_error"][2])
    np.testing.assert_allclose(table["MAE"].drop(2), table["mean_absolute_error"].drop(2))
    assert table["n"][2] == 0


def test_a_constant_group_has_no_scale():
    series = np.full(30, 5.0)
    result = backtest(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), series, 1, first_origin=20)
    assert (result.scores(["MASE"])["MASE"] == np.inf).all()
    assert (result.naive().scores(["MASE"])["MASE"] == 0.0).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"metrics": ["MAPE"]}, ValueError, r"metrics contains 'MAPE'; expected a function, or one of \['MAE', 'RMSE'"),
        ({"metrics": ["coverage"]}, ValueError, "metrics contains 'coverage', for which backtest needs a coverage"),
        ({"metrics": [3]}, TypeError, r"metrics contains 3; expected a function of y_true and y_pred"),
        ({"by": "store"}, ValueError, r"by contains 'store'; expected some of \['origin', 'target', 'step'\]"),
        ({"by": ["group"]}, ValueError, "by contains 'group'"),
        ({"season": 0}, ValueError, "season is 0"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        result_of(coverage=None).scores(**arguments)


def test_a_backtest_without_its_series_has_no_naive_forecast():
    result = Backtest(np.array([1]), np.array([1]), np.array([[2]]), np.zeros((1, 1)), np.zeros((1, 1)))
    with pytest.raises(ValueError, match="series is None in this Backtest"):
        result.naive()
    assert "MASE" not in result.scores()
