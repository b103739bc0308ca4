"""Tests of targets: which are taken, how much of them is there, and weights of mean one over that."""

import numpy as np
import pytest

from skrnn.sequences._targets import Targets

VALUES = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 0.0, 0.0, 8.0], [9.0, 0.0, 0.0, 0.0]])
PRESENT = np.array([[1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]])
WEIGHTS = np.array([2.0, 3.0, 0.0, 0.5])
KINDS = {
    "all": Targets(VALUES),
    "weighted": Targets(VALUES, WEIGHTS),
    "some entries": Targets(VALUES, np.array([1.0, 1.0, 0.0, 1.0]), PRESENT),
    "some entries, weighted": Targets(VALUES, WEIGHTS, PRESENT),
    "some entries, without weights": Targets(VALUES, None, PRESENT),
}
SHARES = {
    "all": [1.0, 1.0, 1.0, 1.0],
    "weighted": [1.0, 1.0, 0.0, 1.0],
    "some entries": [1.0, 1 / 3, 0.0, 2 / 3],
    "some entries, weighted": [1.0, 1 / 3, 0.0, 2 / 3],
    "some entries, without weights": [1.0, 1 / 3, 0.0, 2 / 3],
}
#: The weights in proportion to the first, where there are weights.
PROPORTIONS = {
    "weighted": WEIGHTS / WEIGHTS[0],
    "some entries": [1.0, 1.0, 0.0, 1.0],
    "some entries, weighted": WEIGHTS / WEIGHTS[0],
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


@EVERY_KIND
def test_shares_and_count_say_how_much_is_there(kind):
    targets = KINDS[kind]
    assert len(targets) == 4
    np.testing.assert_allclose(targets.shares(), SHARES[kind], rtol=1e-15)
    assert targets.count() == pytest.approx(sum(SHARES[kind]), rel=1e-15)


@EVERY_KIND
def test_take_gives_the_columns_in_the_order_asked_for(kind):
    targets, columns = KINDS[kind], np.array([3, 0, 0])
    taken = targets.take(columns)
    np.testing.assert_array_equal(taken.values, VALUES[:, columns])
    for array, taken_array in ((targets.weights, taken.weights), (targets.present, taken.present)):
        if array is None:
            assert taken_array is None
        else:
            np.testing.assert_array_equal(taken_array, array[..., columns])
    np.testing.assert_array_equal(taken.shares(), targets.shares()[columns])


@EVERY_KIND
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normalised_weights_have_mean_one_over_what_is_there(kind, dtype):
    targets = KINDS[kind]
    normalised = targets.normalised(np.dtype(dtype))
    np.testing.assert_array_equal(normalised.values, VALUES.astype(dtype), strict=True)
    assert normalised.count() == pytest.approx(targets.count(), rel=1e-6)
    if targets.present is None:
        assert normalised.present is None
    else:
        np.testing.assert_array_equal(normalised.present, PRESENT.astype(dtype), strict=True)
    if targets.weights is None:
        assert normalised.weights is None
        return
    assert normalised.weights.dtype == dtype
    mean = np.average(normalised.weights, weights=SHARES[kind])
    assert mean == pytest.approx(1.0, rel=10 * float(np.finfo(dtype).eps))
    np.testing.assert_allclose(normalised.weights / normalised.weights[0], PROPORTIONS[kind], rtol=1e-6)


@EVERY_KIND
def test_normalised_does_not_write_what_it_was_given(kind):
    targets = KINDS[kind]
    arrays = [array for array in (targets.values, targets.weights, targets.present) if array is not None]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    targets.normalised(np.dtype(np.float32))
    for array, same in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, same)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_common_factor_of_the_weights_does_not_matter(scale):
    expected = Targets(VALUES, WEIGHTS, PRESENT).normalised(np.dtype(float))
    scaled = Targets(VALUES, scale * WEIGHTS, PRESENT).normalised(np.dtype(float))
    np.testing.assert_allclose(scaled.weights, expected.weights, rtol=1e-14)


def test_weights_of_minibatches_are_not_normalised_anew():
    weights = np.array([3.0, 3.0, 1.0, 1.0])
    taken = Targets(VALUES, weights).normalised(np.dtype(float)).take(np.array([0, 1]))
    assert taken.weights.tolist() == [1.5, 1.5]
    assert taken.count() == 2


def test_batch_without_any_target_counts_nothing():
    assert KINDS["weighted"].take(np.array([2, 2])).count() == 0
    assert KINDS["some entries"].take(np.array([2])).count() == 0


def test_present_may_be_of_bool():
    targets = Targets(VALUES, WEIGHTS, PRESENT.astype(bool)).normalised(np.dtype(np.float32))
    assert targets.present.dtype == np.float32
    assert targets.count() == pytest.approx(2.0, rel=1e-6)
