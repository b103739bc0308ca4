"""Tests of the display of hidden states."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.plotting import HiddenStateDisplay

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 5, 2))
Y = X.sum(axis=(1, 2))


def regressor(**parameters):
    return RNNRegressor((3,), solver="lbfgs", tol=0.05, random_state=0, **parameters)


def image(display):
    return np.ma.filled(display.image_.get_array(), np.nan)


def as_object_array(arrays):
    objects = np.empty(len(arrays), dtype=object)
    objects[:] = arrays
    return objects


def assert_same_states(states, expected):
    """One sequence alone and among others: products of other sizes are rounded otherwise."""
    np.testing.assert_allclose(states, expected, rtol=1e-6 if expected.dtype == np.float64 else 1e-4, atol=1e-6)


RAGGED = [RNG.normal(size=(length, 2)) for length in (3, 6, 2)]


@pytest.mark.axis(
    "X",
    [X, X.astype(np.float32), RAGGED, as_object_array(RAGGED), [array[:, 0] for array in RAGGED], X[:, :, 0]],
    ids=["array", "float32", "list", "object array", "list of 1-D", "2-D"],
)
@pytest.mark.axis("sample", [0, 1, -1])
def test_draws_the_states_and_the_input_of_one_sequence(X, sample):
    model = regressor().fit(X, np.arange(len(X)))
    display = HiddenStateDisplay.from_estimator(model, X, sample=sample)
    assert_same_states(image(display), model.hidden_states(X)[sample].T)
    expected = np.reshape(X[sample], (len(X[sample]), -1)).T
    np.testing.assert_array_equal([line.get_ydata() for line in display.input_lines_], expected)
    assert display.input_lines_[0].get_xdata().tolist() == list(range(len(X[sample])))


def test_tables_are_folded_as_the_estimator_does():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X.reshape(20, 10), columns=[f"c{i}" for i in range(10)])
    model = regressor(n_timesteps=5).fit(frame, Y)
    display = HiddenStateDisplay.from_estimator(model, frame, sample=7)
    np.testing.assert_array_equal(display.inputs, X[7])
    assert_same_states(image(display), model.hidden_states(frame)[7].T)


@pytest.mark.parametrize("scales_targets", [False, True])
def test_a_pipeline_transforms_first(scales_targets):
    series = np.random.default_rng(1).normal(3.0, 2.0, size=(40, 2))
    model = make_pipeline(StandardScaler(), SlidingWindow(4), regressor())
    if scales_targets:
        model = TransformedTargetRegressor(model, func=np.negative, inverse_func=np.negative)
    model.fit(series, series[:, 0])
    pipeline = model.regressor_ if scales_targets else model
    windows = pipeline[:-1].transform(series)
    display = HiddenStateDisplay.from_estimator(model, series, sample=30)
    np.testing.assert_array_equal(display.inputs, windows[30])
    assert_same_states(display.states, pipeline[-1].hidden_states(windows)[30])


def test_masked_timesteps_are_grey_gaps_in_both():
    with_hole = X.copy()
    with_hole[2, [0, 3]] = np.nan
    model = regressor().fit(with_hole, Y)
    display = HiddenStateDisplay.from_estimator(model, with_hole, sample=2)
    assert np.isnan(image(display)).all(axis=0).tolist() == [True, False, False, True, False]
    assert np.isnan(display.input_lines_[0].get_ydata()).tolist() == [True, False, False, True, False]
    for ax in display.axes_:
        spans = [patch.get_window_extent().transformed(ax.transData.inverted()) for patch in ax.patches]
        np.testing.assert_allclose([(span.x0, span.x1) for span in spans], [(-0.5, 0.5), (2.5, 3.5)], atol=1e-6)
    assert display.ax_.get_xlabel() == "timestep (grey: masked)"
    display.figure_.canvas.draw()
    pixels = np.asarray(display.figure_.canvas.buffer_rgba())
    column, row = display.ax_.transData.transform((3.0, 1.0)).astype(int)
    np.testing.assert_allclose(pixels[len(pixels) - 1 - row, column] / 255.0, to_rgba("0.82"), atol=0.01)


def test_zero_is_the_middle_of_the_colours():
    display = HiddenStateDisplay(states=[[-0.2, 0.7], [0.1, np.nan]], inputs=[[1.0], [2.0]]).plot()
    assert display.image_.get_clim() == (-0.7, 0.7)
    middle = display.image_.cmap(0.5)
    assert min(middle[:3]) > 0.95
    assert display.colorbar_.ax.get_ylabel() == "hidden state"
    assert HiddenStateDisplay(states=[[0.0]], inputs=[[1.0]]).plot().image_.get_clim() == (-1.0, 1.0)


def test_the_two_passes_are_named_and_numbered_apart():
    model = regressor(bidirectional=True).fit(X, Y)
    display = HiddenStateDisplay.from_estimator(model, X)
    assert image(display).shape == (6, 5)
    assert [text.get_text() for text in display.ax_.texts] == ["forward units", "backward units"]
    assert [text.xy[1] for text in display.ax_.texts] == [1.0, 4.0]
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["0", "1", "2"] * 2
    assert display.ax_.get_yticks().tolist() == [0, 1, 2, 3, 4, 5]
    (border,) = display.ax_.lines
    assert border.get_ydata() == [2.5, 2.5]


def test_one_direction_has_no_border():
    display = HiddenStateDisplay.from_estimator(regressor().fit(X, Y), X)
    assert not display.ax_.lines
    assert (display.ax_.get_ylabel(), display.axes_[0].get_ylabel()) == ("hidden unit", "input")
    assert display.ax_ is display.axes_[1]


def test_the_units_of_the_top_layer_of_a_classifier():
    model = RNNClassifier((3, 4), cell="lstm", solver="lbfgs", tol=0.005, random_state=0).fit(X, Y > 0.0)
    assert image(HiddenStateDisplay.from_estimator(model, X)).shape == (4, 5)


def test_features_are_named():
    model = regressor().fit(X, Y)
    legend = HiddenStateDisplay.from_estimator(model, X).axes_[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["feature 0", "feature 1"]
    legend = HiddenStateDisplay.from_estimator(model, X, feature_names=["a", "b"]).axes_[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]
    one = HiddenStateDisplay(states=[[0.1]], inputs=[[1.0]], feature_names=["sunspots"]).plot()
    assert (one.axes_[0].get_ylabel(), one.axes_[0].get_legend()) == ("sunspots", None)


def test_many_features_have_colours_of_their_own_and_a_bar_that_names_them():
    display = HiddenStateDisplay(states=[[0.1]], inputs=np.ones((1, 12)), feature_names=list("abcdefghijkl")).plot()
    assert display.axes_[0].get_legend() is None
    colours = [to_rgba(line.get_color()) for line in display.input_lines_]
    assert len(set(colours)) == 12
    bar = display.feature_colorbar_
    np.testing.assert_allclose([bar.cmap(bar.norm(number)) for number in range(12)], colours)
    assert [text.get_text() for text in bar.ax.get_yticklabels()] == list("acegik")
    assert HiddenStateDisplay(states=[[0.1]], inputs=np.ones((1, 6))).plot().feature_colorbar_ is None


def test_axes_of_the_caller():
    display = HiddenStateDisplay(states=np.eye(3), inputs=np.ones((3, 1)))
    figure, axes = plt.subplots(2, 1)
    assert list(display.plot(axes).axes_) == list(axes)
    assert axes[0].get_shared_x_axes().joined(*axes)
    figure, (left, right) = plt.subplots(1, 2)
    display.plot(right)
    assert display.figure_ is figure
    for ax in display.axes_:
        place, space = ax.get_position(), right.get_position()
        assert space.x0 - 1e-9 <= place.x0 < place.x1 <= space.x1 + 1e-9
    assert left not in display.axes_
    assert right not in display.axes_


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_the_colour_bar_has_space_beside_other_axes(layout):
    figure, axes = plt.subplots(1, 2, figsize=(9.0, 4.0), layout=layout)
    for ax in axes:
        display = HiddenStateDisplay(states=np.eye(3), inputs=np.ones((3, 2))).plot(ax)
        figure.canvas.draw()
        right = figure.bbox.x1 if ax is axes[1] else axes[1].get_window_extent().x0
        for part in (display.colorbar_.ax, display.axes_[0].get_legend()):
            assert display.axes_[0].get_window_extent().x1 < part.get_window_extent().x0
            assert part.get_tightbbox().x1 <= right


def test_styles_of_the_caller():
    display = HiddenStateDisplay(states=np.eye(3), inputs=np.ones((3, 1)))
    display.plot(image_kw={"cmap": "PuOr", "vmax": 5.0}, line_kw={"c": "black"})
    assert display.image_.get_cmap().name == "PuOr"
    assert display.image_.get_clim()[1] == 5.0
    assert display.input_lines_[0].get_color() == "black"


@pytest.mark.parametrize(
    ("sample", "error"), [(20, ValueError), (-21, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_no_such_sample(sample, error):
    with pytest.raises(error, match=f"sample is {sample}"):
        HiddenStateDisplay.from_estimator(regressor().fit(X, Y), X, sample=sample)


def test_errors():
    with pytest.raises(ValueError, match=r"states has shape \(3, 2\) and inputs \(4, 1\)"):
        HiddenStateDisplay(states=np.ones((3, 2)), inputs=np.ones((4, 1))).plot()
    with pytest.raises(ValueError, match="states has 3 units; expected an even number"):
        HiddenStateDisplay(states=np.ones((2, 3)), inputs=np.ones((2, 1)), bidirectional=True).plot()
    with pytest.raises(ValueError, match="feature_names has 2 entries; expected 1"):
        HiddenStateDisplay(states=np.ones((2, 3)), inputs=np.ones((2, 1)), feature_names="ab").plot()
    display = HiddenStateDisplay(states=np.eye(3), inputs=np.ones((3, 1)))
    with pytest.raises(ValueError, match="ax has 3 axes"):
        display.plot(plt.subplots(3, 1)[1])
    with pytest.raises(ValueError, match="ax is not part of a grid"):
        display.plot(plt.figure().add_axes((0.1, 0.1, 0.8, 0.8)))
