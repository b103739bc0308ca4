"""Tests of errors that name the input and what was expected, in complete sentences."""

import re

import numpy as np
import pytest

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn._inputs._messages import naming


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("'<' not supported", "y: '<' not supported. Expected numbers."),
        ("Input contains NaN.", "y: Input contains NaN. Expected numbers."),
        ("What is that?", "y: What is that? Expected numbers."),
        ("Complex data not supported\n[1j]\n", "y: Complex data not supported. Expected numbers."),
        ("y has no order", "y has no order. Expected numbers."),
        ("y has no order.", "y has no order. Expected numbers."),
        ("y must be a list", "y must be a list"),
        ("it must be a list", "y: it must be a list. Expected numbers."),
    ],
)
@pytest.mark.parametrize(
    ("raised", "left"), [(ValueError, ValueError), (TypeError, TypeError), (OverflowError, ValueError)]
)
def test_error_becomes_sentences(message, expected, raised, left):
    with pytest.raises(left) as caught, naming("y", "numbers"):
        raise raised(message)
    assert type(caught.value) is left
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    "call",
    [
        lambda X, y: RNNRegressor().fit(X, np.where(np.arange(6) == 3, np.nan, y)),
        lambda X, y: RNNRegressor().fit(np.where(X > 1, "a", X.astype(object)), y),
        lambda X, y: RNNRegressor().fit(X, [*y[:5], "a"]),
        lambda X, y: RNNRegressor().fit(X, y, sample_weight=[*y[:5], "a"]),
        lambda X, y: RNNRegressor(random_state="a").fit(X, y),
        lambda X, y: RNNRegressor(early_stopping=True, validation_fraction=0.9).fit(X, y),
        lambda X, y: RNNRegressor(max_iter=1).fit(X, y).stream().predict(["a", "b"]),
        lambda X, y: RNNClassifier().fit(X, 1j * np.arange(6)),
        lambda X, y: RNNClassifier(class_weight={7: 1.0}).fit(X, np.arange(6)),
        lambda X, y: RNNClassifier(class_weight={0: "a"}).fit(X, np.arange(6) % 2),
        lambda X, y: SlidingWindow().fit_transform(X[:, 0], groups=[{}] * 6),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_expectation_follows_a_full_stop(call):
    rng = np.random.default_rng(0)
    with pytest.raises((ValueError, TypeError)) as caught:
        call(rng.normal(size=(6, 3, 2)), rng.normal(size=6))
    message = str(caught.value)
    assert re.search(r"\b[Ee]xpected ", message)
    assert not re.search(r"[^.!?] Expected ", message)
    assert message.endswith(".")
