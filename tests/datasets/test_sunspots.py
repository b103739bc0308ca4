"""The sunspot loader: values, alignment of the target, pandas output."""

import numpy as np
import pytest

from skrnn.datasets import load_sunspots


def test_target_is_next_years_number():
    sunspots = load_sunspots()
    assert sunspots.data.shape == (308, 1)
    assert sunspots.target.shape == (308,)
    assert sunspots.data.dtype == sunspots.target.dtype == np.float64
    np.testing.assert_array_equal(sunspots.data[1:, 0], sunspots.target[:-1])
    np.testing.assert_array_equal(sunspots.years, np.arange(1700, 2008))
    np.testing.assert_array_equal(sunspots.target_years, np.arange(1701, 2009))


def test_known_values():
    sunspots = load_sunspots()
    number_of_year = dict(zip(sunspots.target_years.tolist(), sunspots.target.tolist(), strict=True))
    assert sunspots.data[0, 0] == 5.0
    assert number_of_year[1957] == sunspots.target.max() == 190.2
    assert number_of_year[1810] == sunspots.target.min() == 0.0
    assert number_of_year[2008] == 2.9
    assert sunspots.data[0, 0] + sunspots.target.sum() == pytest.approx(15373.4)


def test_return_x_y_agrees_with_the_bunch():
    X, y = load_sunspots(return_X_y=True)
    sunspots = load_sunspots()
    np.testing.assert_array_equal(X, sunspots.data)
    np.testing.assert_array_equal(y, sunspots.target)
    assert sunspots.feature_names == ["sunspots"]
    assert sunspots.frame is None
    assert "public domain" in sunspots.DESCR


def test_data_and_target_do_not_share_memory():
    X, y = load_sunspots(return_X_y=True)
    assert not np.shares_memory(X, y)


def test_as_frame():
    pd = pytest.importorskip("pandas")
    sunspots = load_sunspots(as_frame=True)
    assert list(sunspots.data.columns) == sunspots.feature_names
    assert isinstance(sunspots.target, pd.Series)
    assert sunspots.target[1956] == 190.2  # the index is the year of the data row
    pd.testing.assert_frame_equal(sunspots.frame, sunspots.data.join(sunspots.target))

    X, y = load_sunspots(return_X_y=True, as_frame=True)
    pd.testing.assert_frame_equal(X, sunspots.data)
    pd.testing.assert_series_equal(y, sunspots.target)
    np.testing.assert_array_equal(X.to_numpy(), load_sunspots().data)
