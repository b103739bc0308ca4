"""Tests of the regressor's losses through the public interface: predictions, units and scores."""

import pickle
import warnings

import numpy as np
import pytest
from scipy.special import huber
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from sklearn.metrics import (
    d2_absolute_error_score,
    d2_pinball_score,
    d2_tweedie_score,
    mean_pinball_loss,
    r2_score,
)
from sklearn.model_selection import GridSearchCV, cross_val_score

from skrnn import RNNRegressor
from skrnn.losses._losses import REGRESSION_LOSSES
from skrnn.metrics import make_sequence_scorer
from tests.estimators.tasks import assert_same_fit, make_ragged_task, make_regression_task

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LEVELS = (0.1, 0.5, 0.9)
#: Parameters for every loss; "quantile" also at several levels.
LOSSES = {name: {"loss": name} for name in REGRESSION_LOSSES} | {"quantiles": {"loss": "quantile", "quantile": LEVELS}}
each_loss = pytest.mark.axis("name", LOSSES)
each_new_loss = pytest.mark.axis("name", [name for name in LOSSES if name != "squared_error"])


def make_model(name="quantiles", **parameters):
    settings = {"hidden_layer_sizes": (3,), "solver": "lbfgs", "max_iter": 8, "random_state": 0, "alpha": 0.01}
    return RNNRegressor(**{**settings, **LOSSES[name], **parameters})


def make_task(name="quantiles", n_samples=40, n_outputs=1, seed=0):
    """Return sequences and targets, counts for "poisson"."""
    X, y = make_regression_task(n_samples, n_outputs=n_outputs, seed=seed)
    if name != "poisson":
        return X, y
    return X, np.random.default_rng(seed).poisson(np.exp(0.5 * y + 1.0)).astype(float)


def make_skewed_targets(n_samples=201):
    """Return sequences without information, and targets whose mean, median and Huber location differ."""
    y = 3.0 + np.random.default_rng(1).exponential(10.0, size=n_samples)
    return np.zeros((n_samples, 2, 1)), y


def fit_constant(name, solver="lbfgs", **parameters):
    """Return the predictions of a network that can only predict a constant, and the targets."""
    X, y = make_skewed_targets()
    settings = {"alpha": 0.0, "max_iter": 300, "tol": 1e-5, "batch_size": len(X), "learning_rate_init": 0.02}
    model = make_model(name, hidden_layer_sizes=(1,), solver=solver, n_iter_no_change=50, **settings, **parameters)
    return model.fit(X, y).predict(X[:1])[0], y


# Predictions


@each_loss
@pytest.mark.axis("solver", ["adam", "sgd", "lbfgs", "trust-ncg", "Newton-CG"])
def test_every_solver_learns(name, solver):
    X, y = make_task(name)
    model = make_model(name, solver=solver, max_iter=40, learning_rate_init=0.02).fit(X, y)
    assert model.loss_curve_[-1] < 0.8 * model.loss_curve_[0]
    assert model.score(X, y) > 0.2


@pytest.mark.parametrize("solver", ["adam", "lbfgs", "trust-ncg", "Newton-CG"])
def test_quantiles_are_found(solver):
    found, y = fit_constant("quantiles", solver)
    np.testing.assert_allclose(found, np.quantile(y, LEVELS), rtol=0.03)


@pytest.mark.parametrize("normalize_y", [False, True])
def test_median_mean_and_huber_s_location_are_found(normalize_y):
    found, y = fit_constant("absolute_error", normalize_y=normalize_y)
    assert found == pytest.approx(np.median(y), rel=0.01)
    found, y = fit_constant("poisson", normalize_y=normalize_y)
    assert found == pytest.approx(y.mean(), rel=1e-4)
    found, y = fit_constant("huber", normalize_y=normalize_y)
    unit = 1.4826 * np.median(np.abs(y - np.median(y))) if normalize_y else 1.0
    assert np.median(y) < found < y.mean()
    assert np.clip(y - found, -unit, unit).mean() == pytest.approx(0.0, abs=1e-3 * unit)


def test_outliers_do_not_move_the_robust_losses():
    X, y = make_task(n_samples=60)
    spoilt = y.copy()
    spoilt[::12] += 1000.0
    errors = {}
    for name in ("squared_error", "absolute_error", "huber", "quantile"):
        model = make_model(name, max_iter=60).fit(X, spoilt)
        clean = np.arange(60) % 12 > 0
        errors[name] = np.median(np.abs(model.predict(X) - y)[clean])
    assert errors.pop("squared_error") > 5.0
    assert max(errors.values()) < 0.3


@pytest.mark.parametrize("seed", range(3))
def test_quantiles_never_cross(seed):
    X, _ = make_task()
    y = np.random.default_rng(seed).normal(size=len(X))
    levels = np.linspace(0.05, 0.95, 19)
    model = make_model(quantile=levels, solver="adam", max_iter=2, learning_rate_init=0.5).fit(X, y)
    raw = model.hidden_states(X)[:, -1] @ model.readout_weights_.T + model.readout_bias_
    assert (np.diff(raw, axis=1) < 0.0).any()
    np.testing.assert_allclose(model.predict(X), np.sort(raw, axis=1), rtol=1e-12)


def test_intervals_have_their_nominal_coverage():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1.0, 1.0, size=(900, 3, 1))
    spread = 0.6 + 0.5 * X[:, -1, 0]
    y = X[:, :, 0].sum(axis=1) + spread * rng.normal(size=900)
    model = make_model(max_iter=150, alpha=0.06, tol=1e-4).fit(X[:600], y[:600])
    lower, _, upper = model.predict(X[600:]).T
    assert 0.74 < np.mean((lower <= y[600:]) & (y[600:] <= upper)) < 0.86
    assert np.corrcoef(upper - lower, spread[600:])[0, 1] > 0.8


# Units


@each_loss
def test_targets_times_a_thousand_are_predictions_times_a_thousand(name):
    X, y = make_task(name)
    model = make_model(name, max_iter=5).fit(X, y)
    larger = make_model(name, max_iter=5).fit(X, 1024.0 * y)  # a power of two, so that nothing is rounded
    np.testing.assert_allclose(larger.predict(X), 1024.0 * model.predict(X), rtol=1e-9)
    np.testing.assert_allclose(larger.loss_curve_, model.loss_curve_, rtol=1e-9)
    assert larger.score(X, 1024.0 * y) == pytest.approx(model.score(X, y), rel=1e-9)


@pytest.mark.parametrize("normalize_y", [False, True])
def test_readout_of_poisson_gives_the_logarithm_of_the_mean(normalize_y):
    X, y = make_task("poisson")
    model = make_model("poisson", normalize_y=normalize_y).fit(X, y)
    logarithms = model.hidden_states(X)[:, -1] @ model.readout_weights_.T + model.readout_bias_
    np.testing.assert_allclose(np.exp(logarithms[:, 0]), model.predict(X), rtol=1e-12)


def test_unit_of_huber_s_loss():
    X, y = make_task("huber")
    model = make_model("huber", alpha=0.0, normalize_y=False, max_iter=3).fit(X, 2.0 * y)
    assert model.loss_ == pytest.approx(huber(1.0, model.predict(X) - 2.0 * y).mean(), rel=1e-12)
    model = make_model("huber", alpha=0.0, max_iter=3).fit(X, y)
    unit = 1.4826 * np.median(np.abs(y - np.median(y)))
    assert model.loss_ == pytest.approx(huber(1.0, (model.predict(X) - y) / unit).mean(), rel=1e-12)


@each_new_loss
def test_float32(name):
    X, y = make_task(name)
    predictions = make_model(name, max_iter=3).fit(X.astype(np.float32), y).predict(X)
    assert predictions.dtype == np.float32
    np.testing.assert_allclose(predictions, make_model(name, max_iter=3).fit(X, y).predict(X), rtol=0.02, atol=0.02)


# Forms


def test_predictions_have_a_column_a_level():
    X, y = make_task(n_samples=12)
    assert make_model(quantile=0.3).fit(X, y).predict(X).shape == (12,)
    assert make_model(quantile=0.3).fit(X, y[:, None].repeat(2, axis=1)).predict(X).shape == (12, 2)
    for quantile in ([0.3], np.array([0.3, 0.6]), LEVELS):
        model = make_model(quantile=quantile).fit(X, y)
        assert model.predict(X).shape == (12, len(quantile))
        assert model.n_outputs_ == len(model.readout_bias_) == len(quantile)


@pytest.mark.parametrize("quantile", [[0.3], LEVELS])
def test_several_targets_have_an_axis_for_levels(quantile):
    X, y = make_task(n_samples=40, n_outputs=2)
    model = make_model(quantile=quantile, max_iter=20).fit(X, y)
    predictions = model.predict(X)
    assert predictions.shape == (40, 2, len(quantile))
    assert model.n_outputs_ == 2 * len(quantile)
    assert (np.diff(predictions, axis=2) >= 0.0).all()
    shares = [
        d2_pinball_score(y[:, target], predictions[:, target, k], alpha=level)
        for target in range(2)
        for k, level in enumerate(quantile)
    ]
    assert model.score(X, y) == pytest.approx(np.mean(shares), abs=0.01)


def test_levels_of_several_targets_are_found():
    X, y = np.zeros((400, 2, 1)), np.random.default_rng(0).normal(size=(400, 2)) * [1.0, 10.0] + [0.0, 100.0]
    with pytest.warns(ConvergenceWarning, match="predictions are constant"):
        found = make_model(solver="lbfgs", max_iter=500, tol=1e-4).fit(X, y).predict(X)[0]
    np.testing.assert_allclose(found, np.quantile(y, LEVELS, axis=0).T, rtol=0.03, atol=0.05)


def test_missing_targets_count_at_no_level():
    X, y = make_task(n_samples=6, n_outputs=2)
    X, y = X[:3], np.stack([y[:3], y[3:]], axis=1)  # (3, 2, 2): two timesteps, two targets
    X = X[:, :2]
    y[0, 1, 1] = np.nan
    model = make_model(return_sequences=True, max_iter=5).fit(X, y)
    assert model.predict(X).shape == (3, 2, 2, len(LEVELS))
    y_val = y.copy()
    y_val[0, 1, 0] = np.nan  # the other target of that timestep counted
    assert model.score(X, y) != model.score(X, y_val)


def test_one_level_in_a_list_is_that_level():
    X, y = make_task()
    alone, listed = make_model(quantile=0.3).fit(X, y), make_model(quantile=[0.3]).fit(X, y)
    assert_same_fit(alone, listed)
    np.testing.assert_array_equal(alone.predict(X), listed.predict(X)[:, 0])
    assert alone.score(X, y) == listed.score(X, y)


@pytest.mark.parametrize("as_column", [False, True])
def test_every_timestep_has_its_quantiles(as_column):
    X, y = make_ragged_task(RNNRegressor, return_sequences=True)
    X[2][:] = np.nan
    X[2] = np.vstack([X[2], [[1.0, 2.0]]])
    y[2] = np.append(y[2], 0.3)
    y[4][0] = np.nan
    targets = [of_sequence[:, None] for of_sequence in y] if as_column else y
    model = make_model(return_sequences=True, max_iter=20).fit(X, targets)
    predictions = model.predict(X)
    assert [p.shape for p in predictions] == [(len(x), 3) for x in X]
    assert np.isnan(predictions[2][:-1]).all()
    assert np.isfinite(predictions[2][-1]).all()
    flat, known = np.concatenate(predictions), np.concatenate(y)
    there = np.isfinite(flat[:, 0]) & np.isfinite(known)
    assert (np.diff(flat[there], axis=1) >= 0.0).all()
    assert 0.0 < model.score(X, targets) < 1.0
    length = max(map(len, X))
    padded = np.stack([np.vstack([x, np.full((length - len(x), 2), np.nan)]) for x in X])
    np.testing.assert_array_equal(model.predict(padded)[0, : len(X[0])], predictions[0])


def test_stream_gives_the_quantiles_of_each_timestep():
    X, y = make_ragged_task(RNNRegressor, return_sequences=True)
    for name in ("quantiles", "poisson"):
        model = make_model(name, return_sequences=True).fit(X, [np.abs(of_sequence) for of_sequence in y])
        stream = pickle.loads(pickle.dumps(model.stream()))
        longest = max(X, key=len)
        answers = np.concatenate([stream.predict(x) for x in longest])
        np.testing.assert_allclose(answers, model.predict([longest])[0], rtol=1e-10)
        assert not (stream.predict(np.full(2, np.nan)) == stream.predict(np.full(2, np.nan))).any()


@each_new_loss
def test_clone_and_pickle(name):
    X, y = make_task(name)
    model = make_model(name).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.score(X, y) == model.score(X, y)
    assert_same_fit(clone(model).fit(X, y), model)


@each_new_loss
@pytest.mark.axis("return_sequences", [False, True])
def test_weight_of_zero_leaves_out_and_weight_of_two_repeats(name, return_sequences):
    X, y = make_ragged_task(RNNRegressor, return_sequences=return_sequences)
    y = [np.abs(of_sequence) for of_sequence in y]
    weights = np.arange(len(X)) % 3
    repeated = np.repeat(np.arange(len(X)), weights)
    weighted = make_model(name, return_sequences=return_sequences).fit(X, y, weights)
    rows = make_model(name, return_sequences=return_sequences)
    rows.fit([X[i] for i in repeated], [y[i] for i in repeated])
    assert_same_fit(weighted, rows)
    assert weighted.score(X, y, weights) == pytest.approx(
        rows.score([X[i] for i in repeated], [y[i] for i in repeated]), rel=1e-10
    )


# Scores


def d2_of_huber(y, predictions, unit):
    """Return one minus the loss over that of the best of many constants."""
    best = min(huber(unit, constant - y).mean() for constant in np.linspace(y.min(), y.max(), 4001))
    return 1.0 - huber(unit, predictions - y).mean() / best


def expected_score(name, model, y, predictions):
    """Return scikit-learn's score; for quantiles up to its interpolated best constant."""
    if name == "huber":
        return d2_of_huber(y, predictions, 1.4826 * np.median(np.abs(y - np.median(y))))
    if name == "quantiles":
        columns = zip(LEVELS, predictions.T, strict=True)
        return np.mean([d2_pinball_score(y, column, alpha=level) for level, column in columns])
    return {
        "squared_error": r2_score,
        "absolute_error": d2_absolute_error_score,
        "quantile": d2_pinball_score,
        "poisson": lambda y, predictions: d2_tweedie_score(y, predictions, power=1),
    }[name](y, predictions)


@each_loss
def test_score_is_the_share_of_the_loss_that_is_explained(name):
    X, y = make_task(name, n_samples=61)
    model = make_model(name).fit(X, y)
    expected = expected_score(name, model, y, model.predict(X))
    tolerance = {"huber": 1e-5, "quantiles": 0.01}.get(name, 1e-10)
    assert model.score(X, y) == pytest.approx(expected, abs=tolerance)


def test_score_of_quantiles_compares_with_the_best_constant():
    X, y = make_task()
    model = make_model().fit(X, y)
    expected = []
    for level, column in zip(LEVELS, model.predict(X).T, strict=True):
        best = min(mean_pinball_loss(y, np.full_like(y, constant), alpha=level) for constant in y)
        expected.append(1.0 - mean_pinball_loss(y, column, alpha=level) / best)
    assert model.score(X, y) == pytest.approx(np.mean(expected), rel=1e-10)


@each_loss
def test_score_on_the_validation_data_is_the_score(name):
    X, y = make_task(name)
    model = make_model(name, early_stopping=True, max_iter=30).fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    np.testing.assert_allclose(model.score(X[30:], y[30:]), model.best_validation_score_, rtol=1e-8)


@pytest.mark.parametrize("name", REGRESSION_LOSSES)
def test_score_of_several_outputs_is_their_mean(name):
    X, y = make_task(name, n_outputs=2)
    model = make_model(name, max_iter=3).fit(X, y)
    scores = []
    for k, column in enumerate(y.T):
        of_one = make_model(name, max_iter=1).fit(X, column)
        of_one.__dict__.update(
            readout_weights_=model.readout_weights_[[k]],
            readout_bias_=model.readout_bias_[[k]],
            input_weights_=model.input_weights_,
            recurrent_weights_=model.recurrent_weights_,
            biases_=model.biases_,
        )
        scores.append(of_one.score(X, column))
    assert model.score(X, y) == pytest.approx(np.mean(scores), rel=1e-10)


@each_loss
def test_score_of_constant_targets_is_zero(name):
    X, y = make_task(name)
    assert make_model(name).fit(X, y).score(X, np.full_like(y, 2.0)) == 0.0


@each_loss
def test_score_of_a_single_target_is_not_defined(name):
    X, y = make_task(name)
    model = make_model(name).fit(X, y)
    with pytest.warns(UndefinedMetricWarning, match="fewer than two"):
        assert np.isnan(model.score(X[:1], y[:1]))
    with pytest.warns(UndefinedMetricWarning, match="fewer than two"):
        assert np.isnan(model.score(X, y, np.arange(len(X)) == 3))


def test_score_requires_two_targets_in_each_output():
    X = np.random.default_rng(0).normal(size=(6, 3, 2))
    model = RNNRegressor((2,), return_sequences=True, max_iter=1, random_state=0).fit(X, X)
    y = X.copy()
    y[:, :, 1] = np.nan
    y[:2, 0, 1] = X[:2, 0, 1]
    assert np.isfinite(model.score(X, y))
    y[1, 0, 1] = np.nan  # one is left in the second output, and 18 in the first
    with pytest.warns(UndefinedMetricWarning, match="fewer than two"):
        assert np.isnan(model.score(X, y))


def test_search_over_quantile():
    X, y = make_task()
    search = GridSearchCV(make_model(max_iter=2), {"quantile": [0.5, [0.3], [0.1, 0.9]]}, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_["quantile"] in (0.5, [0.3], [0.1, 0.9])


def test_scorers_of_one_prediction_say_why_they_cannot_score_several_levels():
    X, y = make_task()
    with pytest.raises(ValueError, match="output"):
        cross_val_score(make_model(), X, y, cv=2, scoring="r2", error_score="raise")
    X, y = make_ragged_task(RNNRegressor, return_sequences=True)
    model = make_model(return_sequences=True).fit(X, y)
    with pytest.raises(ValueError, match="output"):
        make_sequence_scorer("r2")(model, X, y)
    one = make_model("quantile", return_sequences=True).fit(X, y)
    assert make_sequence_scorer("neg_mean_absolute_error")(one, X, y) < 0.0


# Continued training


@each_new_loss
def test_warm_start_goes_on_from_where_it_ended(name):
    X, y = make_task(name)
    model = make_model(name, warm_start=True).fit(X, y)
    first = model.loss_
    assert model.fit(X, y).loss_ < first
    assert model.n_iter_ == len(model.loss_curve_) == 16
    np.testing.assert_allclose(model.loss_curve_[8], first, rtol=0.2)


@each_new_loss
def test_partial_fit_learns_and_keeps_location_and_scale(name):
    X, y = make_task(name, n_samples=60)
    model = make_model(name, solver="adam", learning_rate_init=0.02)
    for _ in range(25):
        for part in (slice(0, 30), slice(30, 60)):
            model.partial_fit(X[part], y[part])
    assert model.score(X, y) > 0.2
    model.partial_fit(X[:3], np.zeros(3))  # a batch of counts may all be zero


def test_warm_start_with_another_loss_of_the_same_link():
    X, y = make_task()
    model = make_model("squared_error", warm_start=True).fit(X, y)
    start = np.abs(model.predict(X) - y).mean()
    model.set_params(loss="absolute_error").fit(X, y)
    assert np.abs(model.predict(X) - y).mean() < start


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("squared_error", {"loss": "poisson"}),
        ("poisson", {"loss": "absolute_error"}),
        ("quantiles", {"quantile": (0.1, 0.9)}),
        ("quantiles", {"quantile": 0.5}),
        ("quantile", {"quantile": (0.1, 0.9)}),
    ],
)
def test_readout_of_another_kind_is_refused(name, changed):
    X, y = make_task("poisson")
    model = make_model(name, warm_start=True).fit(X, y).set_params(**changed)
    for use in (model.predict, model.fit, model.score):
        with pytest.raises(ValueError, match="Refit it") as caught:
            use(X) if use == model.predict else use(X, y)
        assert next(iter(changed)) in str(caught.value)
    assert np.isfinite(model.set_params(warm_start=False).fit(X, y).predict(X)).all()


def test_other_levels_as_many_as_before_are_a_start():
    X, y = make_task()
    model = make_model(warm_start=True).fit(X, y)
    model.set_params(quantile=(0.2, 0.5, 0.8)).fit(X, y)
    assert model.n_iter_ == 16


# Rejected targets


@pytest.mark.parametrize("given", ["y", "y_val"])
def test_poisson_refuses_negative_targets(given):
    X, y = make_task("poisson")
    below = np.where(np.arange(len(y)) == 3, -1.0, y)
    targets = {"y": y, "X_val": X, "y_val": y, given: below}
    with pytest.raises(ValueError, match=rf"\b{given} contains -1.*loss='poisson'"):
        make_model("poisson").fit(X, **targets)
    weights = (below >= 0.0).astype(float)
    make_model("poisson").fit(X, below, weights)  # targets without weight are not checked
    with pytest.raises(ValueError, match=r"\by contains -1"):
        make_model("poisson").fit(X, y).score(X, below)


@pytest.mark.parametrize("normalize_y", [False, True])
def test_poisson_refuses_targets_that_are_all_zero(normalize_y):
    X, y = make_task("poisson", n_outputs=2)
    y[:, 1] = 0.0
    model = make_model("poisson", normalize_y=normalize_y)
    with pytest.raises(ValueError, match=r"\by is always 0 in output 1.*loss='poisson'"):
        model.fit(X, y)
    y[-4:, 1] = 1.0
    with pytest.raises(ValueError, match="larger training target"):
        model.set_params(early_stopping=True, validation_split="last").fit(X, y)
    model.set_params(early_stopping=False).fit(X, y, X_val=X[:9], y_val=y[:9])  # of these all may be


def test_number_of_targets_is_that_of_fit():
    X, y = make_task(n_outputs=2)
    for model in (make_model(), make_model("squared_error", quantile=LEVELS)):
        with pytest.raises(ValueError, match=r"y has shape \(40, 2\)"):
            model.fit(X, y[:, 0]).score(X, y)


@pytest.mark.axis("loss", ["squared_error", "quantile"])
@pytest.mark.axis(
    ("quantile", "error"),
    [(0.0, ValueError), (1, ValueError), ([0.9, 0.1], ValueError), ([], ValueError), ("0.5", TypeError)],
)
def test_level_is_always_judged(quantile, error, loss):
    X, y = make_task()
    with pytest.raises(error, match=r"quantile is .*expected a level between 0 and 1"):
        make_model(loss=loss, quantile=quantile).fit(X, y)


def test_unknown_loss_names_those_that_are():
    X, y = make_task()
    with pytest.raises(ValueError, match=", ".join(repr(name) for name in REGRESSION_LOSSES)):
        make_model(loss="log_loss").fit(X, y)


def test_step_too_far_with_poisson_ends_in_an_error_not_in_warnings():
    X, y = make_task("poisson")
    model = make_model("poisson", solver="sgd", learning_rate_init=1e5, max_grad_norm=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="diverged"):
            model.fit(X, y)


def test_fit_short_of_the_minimum_says_so():
    X, y = make_task()
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        make_model().fit(X, y)


def test_prediction_too_large_for_the_exponential_warns():
    X = np.abs(np.random.default_rng(0).normal(size=(40, 2, 1)))
    model = RNNRegressor((2,), activation="relu", loss="poisson", solver="lbfgs", random_state=0, alpha=0.0)
    model.fit(X, np.exp(X[:, -1, 0]))
    with pytest.warns(RuntimeWarning, match="not finite") as caught:
        assert np.isinf(model.predict(1e6 * X)).any()
    assert caught[0].filename == __file__


def test_tags_are_those_of_the_loss():
    assert RNNRegressor(loss="poisson").__sklearn_tags__().target_tags.positive_only
    assert not RNNRegressor(loss="quantile", quantile=[0.1, 0.9]).__sklearn_tags__().target_tags.multi_output
    tags = RNNRegressor().__sklearn_tags__().target_tags
    assert tags.multi_output
    assert not tags.positive_only
