"""Tests that all displays can be read in the styles of matplotlib, dark ones included."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from skrnn import RNNRegressor
from skrnn.plotting import BacktestDisplay, ForecastDisplay, HiddenStateDisplay, LossCurveDisplay, UnrolledDisplay
from skrnn.plotting._matplotlib import COLOURS, colour_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(40, 5, 2))
Y = X[:, :, 0].sum(axis=1)


def model():
    return RNNRegressor((3,), early_stopping=True, max_iter=20, random_state=0).fit(X, Y)


def displays():
    """Return a display of each kind, drawn in the style in force."""
    rng = np.random.default_rng(0)
    forecasts = {"truth": [0.2, 0.1], "forecasts": np.ones(4), "lower": np.zeros(4), "upper": np.ones(4)}
    estimator = model()
    return {
        "forecasts": ForecastDisplay(history=rng.normal(size=9), **forecasts).plot(),
        "backtests": BacktestDisplay(errors=[[1.0, 2.0], [2.0, 3.0]], naive_errors=[3.0, 4.0]).plot(),
        "losses": LossCurveDisplay.from_estimator(estimator),
        "states": HiddenStateDisplay.from_estimator(estimator, X),
        "many inputs": HiddenStateDisplay(states=rng.normal(size=(6, 3)), inputs=rng.normal(size=(6, 12))).plot(),
        "network": UnrolledDisplay.from_estimator(estimator, n_timesteps=2),
    }


def luminance(colour):
    """Return the relative luminance of a colour, from 0 to 1, as WCAG 2 defines it."""
    parts = np.asarray(to_rgb(colour))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(first, second):
    """Return the contrast of two colours, from 1 to 21."""
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.axis(
    "style",
    ["default", "dark_background", "Solarize_Light2", "grayscale"],
    quick=["dark_background", "Solarize_Light2"],
)
def test_lines_and_texts_can_be_seen(style):
    with plt.style.context(style):
        for kind, display in displays().items():
            paper = display.ax_.get_facecolor()
            axes = [*getattr(display, "axes_", [display.ax_])]
            for line in (line for ax in axes for line in ax.lines):
                assert contrast(line.get_color(), paper) > 1.4, (kind, line.get_label())
            for text in display.figure_.findobj(plt.Text):
                on_box = kind == "network" and _is_on_patch(text, display.boxes_ + display.chips_)
                assert on_box or not text.get_text() or contrast(text.get_color(), paper) > 2.5, (kind, text.get_text())


def _is_on_patch(text, patches):
    """Tell whether a text lies on one of these patches, which have colours of their own."""
    place = text.get_transform().transform(text.get_position())
    return any(patch.contains_point(place) for patch in patches)


def test_in_a_dark_style_nothing_is_black_on_black():
    with plt.style.context("dark_background"):
        drawn = displays()
    assert to_rgb(drawn["forecasts"].history_line_.get_color()) == (1.0, 1.0, 1.0)
    assert to_rgb(drawn["backtests"].naive_line_.get_color()) == (1.0, 1.0, 1.0)
    for marker in (drawn["forecasts"].origin_markers_, drawn["losses"].kept_markers_[0]):
        assert to_rgb(marker.get_markerfacecolor()) == (0.0, 0.0, 0.0)


def test_texts_in_boxes_stay_dark():
    with plt.style.context("dark_background"):
        display = UnrolledDisplay.from_estimator(model(), n_timesteps=2)
    display.figure_.canvas.draw()
    inside = [text for text in display.texts_ if _is_on_patch(text, display.boxes_)]
    assert {text.get_text() for text in inside} >= {"RNN", "3 units"}
    for text in inside:
        on_chip = _is_on_patch(text, display.chips_)
        assert on_chip or contrast(text.get_color(), display.boxes_[0].get_facecolor()) > 4.5, text.get_text()


def test_curves_have_the_colours_of_a_style_that_has_its_own():
    assert [colour_of(number) for number in range(8)] == [*COLOURS, *COLOURS[:2]]
    with plt.style.context("dark_background"):
        cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
        assert [colour_of(number) for number in range(3)] == cycle[:3] != list(COLOURS[:3])
        assert colour_of(len(cycle)) == cycle[0]
    with plt.rc_context({"axes.prop_cycle": plt.cycler(linestyle=["-", "--"])}):
        assert colour_of(0) == COLOURS[0]
