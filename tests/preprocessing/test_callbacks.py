"""Tests of scikit-learn's callbacks on SlidingWindow, which fits in a single step."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from tests.callbacks.recorder import Recorder

SERIES = np.random.default_rng(0).normal(size=(20, 2))
GROUPS = np.repeat([0, 1], 10)

pytestmark = pytest.mark.skipif(
    not hasattr(SlidingWindow, "set_callbacks"), reason="scikit-learn before 1.9 has no callbacks"
)


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
@pytest.mark.parametrize("groups", [None, GROUPS])
def test_a_fit_is_one_task(method, groups):
    recorder = Recorder()
    windows = SlidingWindow(3).set_callbacks(recorder)
    y = SERIES.sum(axis=1)
    getattr(windows, method)(SERIES, y, groups=groups)
    assert recorder.events == [
        ("setup", "fit", 0),
        ("begin", "fit", 0),
        ("end", "fit", 0),
        ("teardown", "fit", 0),
    ]
    metadata = None if groups is None else {"groups": groups}
    assert all(told == {"X": SERIES, "y": y, "metadata": metadata} for told in recorder.arguments)
    expected = SlidingWindow(3).fit_transform(SERIES, groups=groups)
    np.testing.assert_array_equal(recorder.fitted[0].transform(SERIES, groups=groups), expected)


def test_a_fit_that_fails_tears_down():
    recorder = Recorder()
    with pytest.raises(ValueError, match="infinity"):
        SlidingWindow(3).set_callbacks(recorder).fit(np.full((4, 1), np.inf))
    assert recorder.events[-1] == ("teardown", "fit", 0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_progress_bar_on_a_pipeline_warns_of_nothing(capsys):  # warnings are errors
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    model = make_pipeline(SlidingWindow(3), RNNRegressor((2,), max_iter=2, random_state=0))
    model.set_callbacks(ProgressBar()).fit(SERIES, SERIES.sum(axis=1))
    shown = capsys.readouterr().out
    assert "SlidingWindow - fit" in shown
    assert "RNNRegressor - fit" in shown
