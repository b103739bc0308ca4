"""Tests of every loss in LOSSES against the contract."""

import pickle

import numpy as np
import pytest

from skrnn.losses._base import Loss
from skrnn.losses._losses import KINK_WIDTH, LOSSES, REGRESSION_LOSSES
from tests.float32 import Float32Only, as_plain, float32_only
from tests.gradcheck import directional_gradient_check, full_gradient_check
from tests.problems import make_outputs

EXTREMES = [1e3, -1e3, 1e5, -1e5]
#: Losses that are sums over outputs, some of which may lack a target; a class label is missing or not.
EVERY_SUM = pytest.mark.parametrize("name", [name for name in LOSSES if name != "multinomial_log_loss"])
SUMS_OF_SQUARES = pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.has_residuals])
#: Losses that are linear almost everywhere; their curvature is that of a quadratic that touches them from above.
PIECEWISE_LINEAR = ["absolute_error", "quantile"]


@pytest.fixture(params=LOSSES)
def name(request):
    return request.param


@pytest.fixture
def loss(name):
    return LOSSES[name]()


def weighted_sum(loss, y, weights):
    """Return the function from outputs to the weighted sum of their losses."""
    return lambda raw: float(np.dot(weights, loss.loss_gradient(y, raw, np.empty_like(raw))))


@pytest.mark.parametrize("n_outputs", [1, 2, 4])
def test_gradient(name, loss, n_outputs):
    y, raw, weights = make_outputs(name, n_outputs)
    d_raw = np.full_like(raw, np.nan)
    loss.loss_gradient(y, raw, d_raw)
    full_gradient_check(weighted_sum(loss, y, weights), d_raw * weights, raw)


@pytest.mark.parametrize("n_outputs", [1, 30])
def test_gradient_of_many_samples(name, loss, n_outputs):
    y, raw, weights = make_outputs(name, n_outputs, n_samples=200)
    d_raw = np.full_like(raw, np.nan)
    loss.loss_gradient(y, raw, d_raw)
    rng = np.random.default_rng(0)
    directional_gradient_check(weighted_sum(loss, y, weights), d_raw * weights, raw, rng)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_each_sample_is_judged_by_itself(name, loss, n_outputs):
    y, raw, _ = make_outputs(name, n_outputs)
    d_raw = np.empty_like(raw)
    losses = loss.loss_gradient(y, raw, d_raw)
    assert losses.shape == raw.shape[1:]
    for i in range(len(losses)):
        d_alone = np.empty_like(raw[:, i : i + 1])
        alone = loss.loss_gradient(y[:, i : i + 1], raw[:, i : i + 1], d_alone)
        np.testing.assert_allclose(alone[0], losses[i], rtol=1e-12)
        np.testing.assert_allclose(d_alone[:, 0], d_raw[:, i], rtol=1e-12)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_writes_the_gradient_into_the_given_array(name, loss, n_outputs):
    y, raw, _ = make_outputs(name, n_outputs)
    target = np.full((len(raw), 2 * raw.shape[1]), 5.0)
    expected = np.empty_like(raw)
    loss.loss_gradient(y, raw, expected)
    loss.loss_gradient(y, raw, target[:, ::2])
    np.testing.assert_allclose(target[:, ::2], expected, rtol=1e-14)
    assert (target[:, 1::2] == 5.0).all()


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_float32_is_not_promoted(name, loss, n_outputs):
    y, raw, _ = make_outputs(name, n_outputs)
    expected = np.empty_like(raw)
    expected_losses = loss.loss_gradient(y, raw, expected)
    d_raw = float32_only(np.full_like(raw, np.nan))
    losses = loss.loss_gradient(float32_only(y), float32_only(raw), d_raw)
    assert losses.dtype == np.float32
    assert isinstance(losses, Float32Only)
    np.testing.assert_allclose(as_plain(losses), expected_losses, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(as_plain(d_raw), expected, rtol=1e-5, atol=1e-6)
    assert loss.predict(float32_only(raw)).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", EXTREMES)
def test_extreme_outputs_are_finite(name, loss, scale, dtype):
    y, raw, _ = make_outputs(name, 3, dtype)
    if loss.link == "log":  # the predicted mean itself, exp(raw), is beyond float32 from 89 on
        scale = np.clip(scale, -80.0, 80.0)
    raw = dtype(scale) * np.sign(raw)
    d_raw, product = np.empty_like(raw), np.empty_like(raw)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        losses = loss.loss_gradient(y, raw, d_raw)
        loss.curvature_product(y, raw, np.ones_like(raw), product)
        predictions = loss.predict(raw)
    for array in (losses, d_raw, product, predictions):
        assert array.dtype == dtype
        assert np.isfinite(array).all()
    assert (losses >= 0.0).all()


# Curvature


def curvature_product(loss, y, raw, t_raw, present=None):
    """Return the product of the curvature with `t_raw`."""
    d_raw = np.full_like(raw, np.nan)
    loss.curvature_product(y, raw, t_raw, d_raw, present)
    return d_raw


def make_directions(shape):
    """Return two perturbations of raw outputs, read-only."""
    directions = np.random.default_rng(5).normal(size=(2, *shape))
    directions.flags.writeable = False
    return directions


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in PIECEWISE_LINEAR])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_curvature_is_the_derivative_of_the_gradient(name, loss, n_outputs):
    y, raw, _ = make_outputs(name, n_outputs, n_samples=20)
    if name == "huber":
        assert np.abs(np.abs(raw - y) - 1.0).min() > 1e-3  # where the curvature jumps, it is no derivative
    t_raw, step = make_directions(raw.shape)[0], 1e-5
    ahead, behind = np.empty_like(raw), np.empty_like(raw)
    loss.loss_gradient(y, raw + step * t_raw, ahead)
    loss.loss_gradient(y, raw - step * t_raw, behind)
    product = curvature_product(loss, y, raw, t_raw)
    assert product.any()
    np.testing.assert_allclose(product, (ahead - behind) / (2.0 * step), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", PIECEWISE_LINEAR)
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_curvature_is_that_of_a_quadratic_that_touches_the_loss_from_above(name, loss, n_outputs):
    y, raw, _ = make_outputs(name, n_outputs, n_samples=20)
    d_raw = np.empty_like(raw)
    losses = loss.loss_gradient(y, raw, d_raw)
    gaps = []
    for length in np.linspace(-4.0, 4.0, 81):
        t_raw = length * (y - raw)  # two lengths lead to the mirror image, where the two touch again
        curvature = (t_raw * curvature_product(loss, y, raw, t_raw)).sum(axis=0)
        quadratic = losses + (d_raw * t_raw).sum(axis=0) + 0.5 * curvature
        gaps.append(quadratic - loss.loss_gradient(y, raw + t_raw, np.empty_like(raw)))
    assert np.min(gaps) > -2.0 * KINK_WIDTH
    np.testing.assert_allclose(gaps[60], 0.0, atol=2.0 * KINK_WIDTH)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_curvature_is_linear_symmetric_and_never_negative(name, loss, n_outputs):
    y, raw, _ = make_outputs(name, n_outputs, n_samples=50)
    first, second = make_directions(raw.shape)
    of_first, of_second = (curvature_product(loss, y, raw, t_raw) for t_raw in (first, second))
    both = curvature_product(loss, y, raw, 2.0 * first - 3.0 * second)
    np.testing.assert_allclose(both, 2.0 * of_first - 3.0 * of_second, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose((first * of_second).sum(axis=0), (second * of_first).sum(axis=0), atol=1e-13)
    assert (first * of_first).sum(axis=0).min() >= -1e-15
    assert (first * of_first).sum() > 0.0


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_curvature_of_each_sample_is_its_own_and_is_written_into_the_given_array(name, loss, n_outputs):
    y, raw, _ = make_outputs(name, n_outputs)
    t_raw = make_directions(raw.shape)[0]
    expected = curvature_product(loss, y, raw, t_raw)
    target = np.full((len(raw), 2 * raw.shape[1]), 5.0)
    loss.curvature_product(y, raw, t_raw, target[:, ::2])
    np.testing.assert_allclose(target[:, ::2], expected, rtol=1e-13)
    assert (target[:, 1::2] == 5.0).all()
    for i in range(raw.shape[1]):
        one = slice(i, i + 1)
        np.testing.assert_allclose(curvature_product(loss, y[:, one], raw[:, one], t_raw[:, one]), expected[:, one])


def test_curvature_in_float32_is_not_promoted(name, loss):
    y, raw, _ = make_outputs(name, 3)
    t_raw = make_directions(raw.shape)[0]
    d_raw = float32_only(np.full_like(raw, np.nan))
    loss.curvature_product(float32_only(y), float32_only(raw), float32_only(t_raw), d_raw)
    np.testing.assert_allclose(as_plain(d_raw), curvature_product(loss, y, raw, t_raw), rtol=1e-4, atol=1e-6)


# Residuals


def test_residuals_are_those_of_squared_errors_alone(name, loss):
    assert loss.has_residuals == (name == "squared_error")
    if not loss.has_residuals:
        y, raw, _ = make_outputs(name, 1)
        with pytest.raises(NotImplementedError, match=type(loss).__name__):
            loss.residuals(y, raw, np.empty_like(raw))


@SUMS_OF_SQUARES
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("lacks_some", [False, True])
def test_half_the_squares_of_residuals_are_the_loss(name, loss, n_outputs, lacks_some):
    y, raw, _ = make_outputs(name, n_outputs, n_samples=8)
    present = make_present(y.shape) if lacks_some else None
    d_raw, slopes = np.empty_like(raw), np.full_like(raw, np.nan)
    losses = loss.loss_gradient(y, raw, d_raw, present)
    residuals = loss.residuals(y, raw, slopes, present)
    np.testing.assert_allclose((residuals**2).sum(axis=0) / 2.0, losses, rtol=1e-13)
    np.testing.assert_allclose(residuals * slopes, d_raw, rtol=1e-13)
    product = np.empty_like(raw)
    loss.curvature_product(y, raw, np.ones_like(raw), product, present)
    np.testing.assert_allclose(slopes**2, product, rtol=1e-13)


@SUMS_OF_SQUARES
def test_residuals_in_float32_are_not_promoted(name, loss):
    y, raw, _ = make_outputs(name, 3)
    present, slopes = make_present(y.shape), float32_only(np.full_like(raw, np.nan))
    residuals = loss.residuals(float32_only(y), float32_only(raw), slopes, float32_only(present))
    expected_slopes = np.empty_like(raw)
    expected = loss.residuals(y, raw, expected_slopes, present)
    np.testing.assert_allclose(as_plain(residuals), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(as_plain(slopes), expected_slopes, rtol=1e-5)


# Missing targets


def make_present(shape):
    """Return a read-only mask of outputs with a target: none in the second column, all in the third."""
    present = (np.random.default_rng(8).random(shape) > 0.4).astype(float)
    present[:, 1] = 0.0
    present[:, 2] = 1.0
    assert 0.0 < present.mean() < 1.0
    present.flags.writeable = False
    return present


@EVERY_SUM
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_missing_targets_cost_what_leaving_them_out_costs(name, loss, n_outputs):
    y, raw, _ = make_outputs(name, n_outputs, n_samples=8)
    present = make_present(y.shape)
    d_raw, d_whole = np.full_like(raw, np.nan), np.empty_like(raw)
    losses = loss.loss_gradient(y, raw, d_raw, present)
    loss.loss_gradient(y, raw, d_whole)
    np.testing.assert_allclose(d_raw, d_whole * present, rtol=1e-14)
    rows = zip(y[:, None], raw[:, None], strict=True)
    entries = np.stack([loss.loss_gradient(*row, np.empty((1, 8))) for row in rows])
    whole = loss.loss_gradient(y, raw, np.empty_like(raw))
    share_of_an_entry = whole / entries.sum(axis=0)
    np.testing.assert_allclose(losses, (entries * present).sum(axis=0) * share_of_an_entry, rtol=1e-12)
    assert losses[1] == 0.0
    assert losses[2] == pytest.approx(whole[2], rel=1e-14)


@EVERY_SUM
def test_values_of_missing_targets_do_not_matter(name, loss):
    y, raw, weights = make_outputs(name, 3, n_samples=8)
    present = make_present(y.shape)
    other = np.where(present > 0.0, y, np.abs(1.0 - y))
    results = []
    for values in (y, other):
        d_raw = np.empty_like(raw)
        results.append((loss.loss_gradient(values, raw, d_raw, present), d_raw))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    weights = np.where(present.any(axis=0), weights, 0.0)
    scores = [loss.score(values, raw, weights, present) for values in (y, other)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-14)


@EVERY_SUM
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_gradient_with_missing_targets(name, loss, n_outputs):
    y, raw, weights = make_outputs(name, n_outputs, n_samples=8)
    present = make_present(y.shape)

    def total(raw):
        return float(np.dot(weights, loss.loss_gradient(y, raw, np.empty_like(raw), present)))

    d_raw = np.full_like(raw, np.nan)
    loss.loss_gradient(y, raw, d_raw, present)
    full_gradient_check(total, d_raw * weights, raw)
    directional_gradient_check(total, d_raw * weights, raw, np.random.default_rng(0))


@EVERY_SUM
def test_curvature_is_nowhere_where_targets_are_missing(name, loss):
    y, raw, _ = make_outputs(name, 3, n_samples=8)
    present, t_raw = make_present(y.shape), make_directions(y.shape)[0]
    expected = curvature_product(loss, y, raw, t_raw) * present
    np.testing.assert_allclose(curvature_product(loss, y, raw, t_raw, present), expected, rtol=1e-14)
    target = float32_only(np.empty_like(raw))
    loss.curvature_product(*map(float32_only, (y, raw, t_raw)), target, float32_only(present))
    np.testing.assert_allclose(as_plain(target), expected, rtol=1e-4, atol=1e-6)


@EVERY_SUM
def test_all_present_is_as_if_nothing_were_said(name, loss):
    y, raw, weights = make_outputs(name, 3)
    d_raw, expected = np.empty_like(raw), np.empty_like(raw)
    losses = loss.loss_gradient(y, raw, d_raw, np.ones_like(y))
    np.testing.assert_array_equal(losses, loss.loss_gradient(y, raw, expected))
    np.testing.assert_array_equal(d_raw, expected)
    for column_weights in (None, weights):
        score = loss.score(y, raw, column_weights, np.ones_like(y))
        assert score == pytest.approx(loss.score(y, raw, column_weights), rel=1e-14)


@EVERY_SUM
def test_float32_is_not_promoted_by_missing_targets(name, loss):
    y, raw, _ = make_outputs(name, 3)
    present = make_present(y.shape)
    expected = np.empty_like(raw)
    expected_losses = loss.loss_gradient(y, raw, expected, present)
    d_raw = float32_only(np.full_like(raw, np.nan))
    losses = loss.loss_gradient(float32_only(y), float32_only(raw), d_raw, float32_only(present))
    assert losses.dtype == np.float32
    np.testing.assert_allclose(as_plain(losses), expected_losses, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(as_plain(d_raw), expected, rtol=1e-5, atol=1e-6)


# Standardisation of targets


def standardised(loss, y, weights=None, present=None):
    """Return the targets in units of training, and the location and scale of the outputs."""
    statistics = loss.location_scale(y, weights, present)
    return loss.standardised(y, *statistics), *statistics


@pytest.mark.parametrize("lacks_some", [False, True])
def test_weight_of_zero_leaves_out_and_weight_of_two_repeats(name, loss, lacks_some):
    y, _, _ = make_outputs(name, 2, n_samples=9)
    weights = np.array([1.0, 0.0, 2.0, 1.0, 0.0, 1.0, 2.0, 2.0, 1.0])
    repeated = [0, 2, 2, 3, 5, 6, 6, 7, 7, 8]
    present = np.ones_like(y) if lacks_some else None
    if lacks_some:
        present[0, [0, 3]] = present[-1, [2, 5]] = 0.0
    _, *statistics = standardised(loss, y, weights, present)
    _, *expected = standardised(loss, y[:, repeated], None, present if present is None else present[:, repeated])
    np.testing.assert_allclose(statistics, expected, rtol=1e-14, atol=1e-15)


def test_values_of_missing_targets_do_not_move_location_and_scale(name, loss):
    y, _, _ = make_outputs(name, 2, n_samples=9)
    present = make_present(y.shape)
    weights = np.where(present.any(axis=0), 1.0, 0.0)
    _, *statistics = standardised(loss, np.where(present > 0.0, y, 1e6), weights, present)
    _, *expected = standardised(loss, y, weights, present)
    np.testing.assert_array_equal(statistics, expected)


def test_outputs_of_the_log_link_are_shifted_only_and_those_of_classes_neither(name, loss):
    y, _, _ = make_outputs(name, 2, n_samples=9)
    targets, location, scale = standardised(loss, y)
    assert location.shape == scale.shape == (len(y),)
    assert (scale > 0.0).all()
    if loss.link == "log" or "log_loss" in name:
        assert (scale == 1.0).all()
    if "log_loss" in name:
        assert not location.any()
        np.testing.assert_array_equal(targets, y)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "huber"])  # whose threshold is a unit
def test_outputs_scaled_and_shifted_cost_what_they_cost_in_training_but_for_the_unit(name, loss):
    """The gradient with respect to the outputs of training has the same direction, so the minimum is the same."""
    y, _, _ = make_outputs(name, 1, n_samples=40)
    raw = np.random.default_rng(2).normal(size=y.shape)
    targets, location, scale = standardised(loss, y)
    of_training, d_raw = np.empty_like(raw), np.empty_like(raw)
    loss.loss_gradient(targets, raw, of_training)
    loss.loss_gradient(y, raw * scale[:, None] + location[:, None], d_raw)
    ratios = d_raw / of_training
    np.testing.assert_allclose(ratios, ratios[0, 0], rtol=1e-10)
    assert ratios[0, 0] > 0.0


# Predictions and scores


def test_predictions_have_the_shape_of_outputs(name, loss):
    _, raw, _ = make_outputs(name, 3)
    assert loss.predict(raw).shape == raw.shape


def test_score_is_a_number_and_best_where_the_targets_are_hit(name, loss):
    y, raw, weights = make_outputs(name, 3)
    hit = np.where(y > 0.5, 50.0, -50.0) if "log_loss" in name else y
    if loss.link == "log":
        hit = np.log(np.maximum(y, 1e-20))
    assert isinstance(loss.score(y, raw, weights), float)
    assert loss.score(y, hit, weights) == pytest.approx(1.0, abs=1e-15)
    assert loss.score(y, hit, None) == pytest.approx(1.0, abs=1e-15)
    assert loss.score(y, raw, None) < 1.0


@pytest.mark.parametrize("name", [name for name in REGRESSION_LOSSES if name != "huber"])
def test_score_in_the_units_of_training_is_the_score(name, loss):
    y, raw, weights = make_outputs(name, 2, n_samples=20)
    targets, location, scale = standardised(loss, y)
    score = loss.score(targets, (raw - location[:, None]) / scale[:, None], weights)
    assert score == pytest.approx(loss.score(y, raw, weights), rel=1e-10)


def test_holds_nothing_of_the_data_and_is_one_level_deep(name, loss):
    y, raw, weights = make_outputs(name, 3)
    before = pickle.dumps(loss)
    loss.loss_gradient(y, raw, np.empty_like(raw))
    standardised(loss, y)
    loss.score(y, raw, weights)
    assert pickle.dumps(loss) == before
    assert type(loss).__bases__ == (Loss,)
    assert type(loss).__final__
