"""Tests of the measures of forecasts and intervals."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error

from skrnn.metrics import (
    interval_coverage,
    mean_absolute_scaled_error,
    mean_interval_width,
    symmetric_mean_absolute_percentage_error,
)

RNG = np.random.default_rng(0)
TRUTH, FORECASTS, TRAIN = RNG.normal(size=(20, 2)), RNG.normal(size=(20, 2)), RNG.normal(size=(50, 2))


def metrics_of(truth, forecasts, **options):
    """Return what each metric says of these arrays."""
    lower, upper = forecasts - 1.0, forecasts + 0.5 + np.abs(forecasts)
    train = TRAIN[:, 0] if np.ndim(truth) == 1 else TRAIN
    return {
        "mase": mean_absolute_scaled_error(truth, forecasts, y_train=train, **options),
        "smape": symmetric_mean_absolute_percentage_error(truth, forecasts, **options),
        "coverage": interval_coverage(truth, lower, upper, **options),
        "width": mean_interval_width(lower, upper, **options),
    }


@pytest.mark.parametrize("season", [1, 12])
def test_mase_is_the_error_over_that_of_the_seasonal_naive_forecast_in_training(season):
    scale = np.mean([abs(TRAIN[t, 0] - TRAIN[t - season, 0]) for t in range(season, 50)])
    error = mean_absolute_scaled_error(TRUTH[:, 0], FORECASTS[:, 0], y_train=TRAIN[:, 0], season=season)
    np.testing.assert_allclose(error, mean_absolute_error(TRUTH[:, 0], FORECASTS[:, 0]) / scale)


def test_missing_rows_of_training_are_left_out():
    train = [1.0, 3.0, np.nan, 4.0, 5.0]  # changes that are known: 2 and 1
    assert mean_absolute_scaled_error([3.0], [0.0], y_train=train) == 2.0


def test_a_constant_training_part_has_no_scale():
    assert mean_absolute_scaled_error([1.0], [2.0], y_train=[5.0, 5.0, 5.0]) == np.inf
    assert mean_absolute_scaled_error([1.0], [1.0], y_train=[5.0, 5.0, 5.0]) == 0.0


def test_smape_lies_between_0_and_2():
    assert symmetric_mean_absolute_percentage_error([100.0], [110.0]) == pytest.approx(20.0 / 210.0)
    assert symmetric_mean_absolute_percentage_error([0.0, 0.0, 1.0, -1.0], [0.0, 3.0, 1.0, 1.0]) == 1.0


def test_bounds_are_inside_the_interval():
    assert interval_coverage([1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.1, 0.0], [1.0, 1.0, 2.0, 0.9]) == 0.5


def test_outputs_and_samples_are_averaged_as_scikit_learn_does():
    of_each = [metrics_of(TRUTH[:, j], FORECASTS[:, j]) for j in range(2)]
    raw = metrics_of(TRUTH, FORECASTS, multioutput="raw_values")
    means, weighted = metrics_of(TRUTH, FORECASTS), metrics_of(TRUTH, FORECASTS, multioutput=[3.0, 1.0])
    for name in ("smape", "coverage", "width"):
        np.testing.assert_allclose(raw[name], [values[name] for values in of_each])
        np.testing.assert_allclose(means[name], raw[name].mean())
        np.testing.assert_allclose(weighted[name], (3.0 * raw[name][0] + raw[name][1]) / 4.0)
    counts = RNG.integers(1, 4, size=20)
    repeated = metrics_of(np.repeat(TRUTH, counts, axis=0), np.repeat(FORECASTS, counts, axis=0))
    for name, value in metrics_of(TRUTH, FORECASTS, sample_weight=counts).items():
        np.testing.assert_allclose(value, repeated[name], err_msg=name)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: mean_absolute_scaled_error([1.0], [1.0], y_train=[1.0, 2.0], season=2),
            "no two values that are 2 rows",
        ),
        (lambda: mean_absolute_scaled_error([1.0], [1.0], y_train=[[1.0, 2.0]] * 3), "y_train has 2 outputs"),
        (lambda: mean_absolute_scaled_error([1.0], [1.0], y_train=[1.0, 2.0], season=0), "season is 0"),
        (lambda: symmetric_mean_absolute_percentage_error([1.0, 2.0], [1.0]), "inconsistent numbers of samples"),
        (lambda: symmetric_mean_absolute_percentage_error([np.nan], [1.0]), "NaN"),
        (lambda: interval_coverage([1.0], [np.nan], [1.0]), "NaN"),
        (lambda: mean_interval_width([1.0], [1.0], multioutput="none"), "multioutput is 'none'"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("options", [{}, {"sample_weight": np.arange(20.0)}], ids=["equal", "weighted"])
def test_a_single_column_is_one_output(options):
    """As in scikit-learn: a table of one column may be compared with a 1-D array."""
    truth, lower, upper = TRUTH[:, 0], FORECASTS[:, 0] - 1.0, FORECASTS[:, 0] + 2.0 + TRUTH[:, 1]
    column = truth[:, np.newaxis]
    smape = symmetric_mean_absolute_percentage_error(truth, lower, **options)
    assert symmetric_mean_absolute_percentage_error(column, lower, **options) == smape
    assert symmetric_mean_absolute_percentage_error(truth, lower[:, np.newaxis], **options) == smape
    coverage, width = interval_coverage(truth, lower, upper, **options), mean_interval_width(lower, upper, **options)
    assert 0.0 < coverage < 1.0
    assert interval_coverage(column, lower, upper, **options) == coverage
    assert interval_coverage(truth, lower[:, np.newaxis], upper, **options) == coverage
    assert mean_interval_width(lower, upper[:, np.newaxis], **options) == width
    np.testing.assert_allclose(width, np.average(upper - lower, weights=options.get("sample_weight")))
