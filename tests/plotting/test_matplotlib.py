"""Tests of what the displays share: the way to matplotlib, styles, and what they do not do."""

import sys

import matplotlib.pyplot as plt
import pytest

from skrnn import plotting
from skrnn.plotting._matplotlib import COLOURS, colour_of, merge_style


@pytest.mark.parametrize("name", plotting.__all__)
@pytest.mark.parametrize("method", ["plot", "from_estimator"])
def test_without_matplotlib_the_error_says_how_to_install_it(name, method, monkeypatch):
    display = getattr(plotting, name)
    for module in [module for module in sys.modules if module.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    caller = display.from_estimator if method == "from_estimator" else display.__new__(display).plot
    arguments = {"from_estimator": {"LossCurveDisplay": 1, "UnrolledDisplay": 1}.get(name, 2), "plot": 0}[method]
    steps = {"n_steps": 1} if name in ("ForecastDisplay", "BacktestDisplay") and method == "from_estimator" else {}
    with pytest.raises(ImportError, match=rf"{name}\.{method} requires matplotlib: pip install matplotlib"):
        caller(*[None] * arguments, **steps)


def test_a_style_that_is_given_overrules_the_defaults_in_short_and_in_long():
    defaults = {"linewidth": 1.0, "color": "red"}
    assert merge_style("line", defaults, {"lw": 3.0, "c": "blue"}) == {"linewidth": 3.0, "color": "blue"}
    assert merge_style("line", defaults, None) == defaults
    assert merge_style("band", {"facecolor": "red"}, {"fc": "blue"}) == {"facecolor": "blue"}


def test_styles_are_not_changed_in_place():
    defaults, given = {"linewidth": 1.0}, {"lw": 2.0}
    merge_style("line", defaults, given)
    assert (defaults, given) == ({"linewidth": 1.0}, {"lw": 2.0})


def test_colours_begin_anew_after_the_last():
    assert [colour_of(number) for number in range(len(COLOURS))] == list(COLOURS)
    assert colour_of(len(COLOURS)) == COLOURS[0]
    assert len(set(COLOURS)) == len(COLOURS)


def test_the_test_run_shows_no_window():
    assert plt.get_backend().lower() == "agg"
