"""Tests of the display of loss curves."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNClassifier, RNNRegressor
from skrnn.plotting import LossCurveDisplay

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = X.sum(axis=1)


def regressor(**parameters):
    return RNNRegressor((3,), random_state=0, **{"solver": "lbfgs", "tol": 0.01} | parameters)


def stopped_early(**parameters):
    """Return a regressor whose best epoch is not the last."""
    settings = {"solver": "adam", "tol": 0.0, "learning_rate_init": 0.1, "n_iter_no_change": 3, "max_iter": 500}
    return regressor(early_stopping=True, **settings | parameters).fit(X, Y)


def texts(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_draws_the_training_loss_over_iterations_from_1():
    model = regressor().fit(X, Y)
    display = LossCurveDisplay.from_estimator(model)
    (line,) = display.lines_
    np.testing.assert_array_equal(line.get_xdata(), np.arange(1, model.n_iter_ + 1))
    np.testing.assert_array_equal(line.get_ydata(), model.loss_curve_)
    assert display.ax_.lines[:] == [line]
    assert display.figure_ is display.ax_.figure
    assert display.ax_.get_legend() is None
    assert (display.validation_lines_, display.other_start_lines_, display.kept_markers_) == ([None], [[]], [None])


def test_draws_the_validation_loss_without_early_stopping_and_marks_nothing():
    model = regressor().fit(X[:40], Y[:40], X_val=X[40:], y_val=Y[40:])
    display = LossCurveDisplay.from_estimator(model)
    np.testing.assert_array_equal(display.validation_lines_[0].get_ydata(), model.validation_loss_curve_)
    assert display.kept_markers_ == [None]
    assert texts(display) == ["training", "validation"]
    assert display.lines_[0].get_linestyle() != display.validation_lines_[0].get_linestyle()


def test_marks_the_epoch_whose_weights_were_kept():
    model = stopped_early()
    kept = int(np.argmax(model.validation_scores_))
    assert kept < model.n_iter_ - 1
    display = LossCurveDisplay.from_estimator(model)
    (marker,) = display.kept_markers_
    np.testing.assert_array_equal(marker.get_xdata(), [kept + 1, kept + 1])
    np.testing.assert_array_equal(marker.get_ydata(), [model.loss_, model.validation_loss_curve_[kept]])
    assert display.kept_iterations == [kept + 1]
    assert texts(display) == ["training", "validation", f"weights kept (epoch {kept + 1})"]


def test_among_equal_scores_the_least_validation_loss_was_kept():
    model = stopped_early()
    classifier = RNNClassifier(
        (2,), learning_rate_init=0.05, early_stopping=True, tol=0.001, n_iter_no_change=5, random_state=0
    )
    classifier.fit(X, Y > 0.0)  # the score of six samples takes few values
    best = [score == classifier.best_validation_score_ for score in classifier.validation_scores_]
    assert sum(best) > 1
    losses = np.where(best, classifier.validation_loss_curve_, np.inf)
    kept = LossCurveDisplay.from_estimator([model, classifier]).kept_iterations[1]
    assert kept == 1 + np.argmin(losses)
    assert classifier.loss_curve_[kept - 1] == classifier.loss_


def test_among_equal_training_losses_the_validation_tells_which_was_kept():
    model = stopped_early()
    model.loss_curve_, model.loss_curves_, model.loss_ = [2.0, 1.0, 1.0, 1.0], [[2.0, 1.0, 1.0, 1.0]], 1.0
    model.validation_scores_, model.validation_loss_curve_ = [0.9, 0.5, 0.8, 0.8], [0.1, 0.5, 0.3, 0.2]
    assert LossCurveDisplay.from_estimator(model).kept_iterations == [4]


def test_marks_the_best_of_an_interrupted_fit():
    model = regressor().fit(X, Y)
    model.loss_curve_ = [3.0, 1.0, 2.0]
    model.loss_curves_, model.loss_ = [[3.0, 1.0, 2.0]], 1.0
    display = LossCurveDisplay.from_estimator(model)
    assert display.kept_markers_[0].get_xydata().tolist() == [[2.0, 1.0]]


def test_other_starts_are_faint_and_the_best_is_not_among_them():
    model = regressor(n_init=4).fit(X, Y)
    display = LossCurveDisplay.from_estimator(model)
    others = [curve for curve in model.loss_curves_ if curve != model.loss_curve_]
    assert [line.get_ydata().tolist() for line in display.other_start_lines_[0]] == others
    assert len(others) == 3
    assert all(line.get_alpha() < 0.5 for line in display.other_start_lines_[0])
    assert display.lines_[0].get_alpha() is None
    assert texts(display) == ["training", "other starts"]


@pytest.mark.parametrize("form", [list, tuple])
def test_several_are_named_by_the_parameters_in_which_they_differ(form):
    models = form([regressor().fit(X, Y), regressor(alpha=0.5, cell="gru").fit(X, Y)])
    display = LossCurveDisplay.from_estimator(models)
    assert texts(display) == ["alpha=0.01, cell='rnn'", "alpha=0.5, cell='gru'"]
    for line, model in zip(display.lines_, models, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), model.loss_curve_)
    assert len({line.get_color() for line in display.lines_}) == 2


def test_several_of_several_classes_or_alike():
    model = regressor().fit(X, Y)
    classifier = RNNClassifier((3,), random_state=0, solver="lbfgs", tol=0.01).fit(X, Y > 0.0)
    assert texts(LossCurveDisplay.from_estimator([model, classifier])) == ["RNNRegressor", "RNNClassifier"]
    assert texts(LossCurveDisplay.from_estimator([model, model])) == ["RNNRegressor 1", "RNNRegressor 2"]


def test_several_with_names():
    models = {"small": regressor().fit(X, Y), "early": stopped_early()}
    display = LossCurveDisplay.from_estimator(models)
    kept = display.kept_iterations[1]
    assert texts(display) == [
        "small", "early: training", "early: validation", f"early: weights kept (iteration {kept})"
    ]  # fmt: skip
    assert texts(LossCurveDisplay.from_estimator(list(models.values()), name=["a", "b"]))[0] == "a"
    assert texts(LossCurveDisplay.from_estimator(models["small"], name="alone")) == ["alone"]


def test_the_network_is_found_in_pipelines_and_searches():
    pipeline = make_pipeline(StandardScaler(), regressor()).fit(X, Y)
    search = GridSearchCV(pipeline, {"rnnregressor__alpha": [0.1]}, cv=2).fit(X, Y)
    display = LossCurveDisplay.from_estimator([pipeline, search])
    assert display.losses == [pipeline[-1].loss_curve_, search.best_estimator_[-1].loss_curve_]


@pytest.mark.parametrize(
    ("parameters", "label"),
    [
        ({}, "half mean squared error + penalty\n(standardised targets)"),
        ({"alpha": 0.0, "normalize_y": False}, "half mean squared error"),
        ({"loss": "huber", "alpha": 0.0}, "mean Huber loss\n(standardised targets)"),
        ({"loss": "absolute_error", "normalize_y": False}, "mean absolute error + penalty"),
        ({"loss": "quantile", "alpha": 0.0}, "mean pinball loss\n(standardised targets)"),
        ({"loss": "poisson", "alpha": 0.0}, "half mean Poisson deviance\n(standardised targets)"),
    ],
)
def test_the_axis_says_what_the_loss_is(parameters, label):
    settings = {"solver": "adam", "learning_rate_init": 0.1, "tol": 0.001, "n_iter_no_change": 5}
    model = regressor(**parameters, **settings).fit(X, np.exp(Y / 4.0))
    display = LossCurveDisplay.from_estimator(model)
    assert display.ax_.get_ylabel() == label
    assert display.ax_.get_xlabel() == "epoch"


def test_the_axis_of_a_classifier_and_of_different_losses():
    classifier = RNNClassifier((3,), random_state=0, solver="lbfgs", tol=0.01).fit(X, Y > 0.0)
    display = LossCurveDisplay.from_estimator(classifier)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("iteration", "mean log loss + penalty")
    assert LossCurveDisplay.from_estimator([classifier, stopped_early()]).ax_.get_ylabel() == "mean loss"


def test_the_axis_says_that_validation_has_no_penalty():
    model = regressor(alpha=0.5, normalize_y=False).fit(X, Y, X_val=X, y_val=Y)
    assert model.validation_loss_curve_[-1] < model.loss_curve_[-1]
    label = LossCurveDisplay.from_estimator(model).ax_.get_ylabel()
    assert label == "half mean squared error\n(training with penalty)"


def test_scale_axes_and_styles_are_the_callers():
    _, (ax, other) = plt.subplots(1, 2)
    model = stopped_early(n_init=2)
    display = LossCurveDisplay.from_estimator(
        model, ax=ax, log_scale=True, line_kw={"c": "black"}, other_start_kw={"lw": 3.0}, kept_kw={"marker": "s"}
    )
    assert display.ax_ is ax
    assert ax.get_yscale() == "log"
    assert not other.lines
    assert display.lines_[0].get_color() == display.validation_lines_[0].get_color() == "black"
    assert display.other_start_lines_[0][0].get_linewidth() == 3.0
    assert display.kept_markers_[0].get_marker() == "s"
    assert LossCurveDisplay.from_estimator(model, line_kw={"ls": ":"}).validation_lines_[0].get_linestyle() == ":"


def test_plot_again_draws_the_same_elsewhere():
    display = LossCurveDisplay(losses=[[3.0, 2.0], [1.0]], names=["a", "b"])
    first = display.plot().ax_
    assert display.plot() is display
    assert display.ax_ is not first
    assert display.lines_[1].get_marker() == "."  # one iteration: a line would be invisible
    assert display.lines_[0].get_marker() == "None"
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("iteration", "loss")


def test_errors():
    model = regressor().fit(X, Y)
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator([model, regressor()])
    with pytest.raises(ValueError, match="estimator is empty"):
        LossCurveDisplay.from_estimator([])
    with pytest.raises(ValueError, match="name is 'a', but the estimators are in a dict"):
        LossCurveDisplay.from_estimator({"b": model}, name="a")
    with pytest.raises(ValueError, match=r"name is \['a'\]; expected a name for each of 2 estimators"):
        LossCurveDisplay.from_estimator([model, model], name=["a"])
    with pytest.raises(ValueError, match="names has 1 entries; expected 2, like losses"):
        LossCurveDisplay(losses=[[1.0], [2.0]], names=["a"]).plot()
    assert not plt.get_fignums()


def test_a_legend_too_large_for_the_axes_stands_beside_them():
    classifier = RNNClassifier((3,), solver="lbfgs", tol=0.1, random_state=0)
    models = [stopped_early(), regressor(n_init=2).fit(X, Y), classifier.fit(X, Y > 0)]
    display = LossCurveDisplay.from_estimator(models)
    display.figure_.canvas.draw()
    legend, axes = display.ax_.get_legend().get_window_extent(), display.ax_.get_window_extent()
    assert legend.x0 > axes.x1
    assert display.figure_.bbox.x0 <= legend.x0 < legend.x1 <= display.figure_.bbox.x1
    assert display.figure_.bbox.y0 <= legend.y0 < legend.y1 <= display.figure_.bbox.y1
    assert axes.width > 0.8 * 6.4 * display.figure_.dpi
    _, ax = plt.subplots(figsize=(4.0, 3.0))
    assert LossCurveDisplay.from_estimator(models, ax=ax).figure_.get_size_inches().tolist() == [4.0, 3.0]


def test_a_single_epoch_has_a_whole_number():
    display = LossCurveDisplay(losses=[[1.0]]).plot()
    display.figure_.canvas.draw()
    low, high = display.ax_.get_xlim()
    assert [tick for tick in display.ax_.get_xticks() if low <= tick <= high] == [1.0]
