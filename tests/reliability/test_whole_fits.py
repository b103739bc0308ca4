"""Tests that a fit of any estimator or transformer is whole, or leaves no trace, and that settings are the user's."""

import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.ensemble import (
    ChangeRegressor,
    EnsembleClassifier,
    EnsembleRegressor,
    HybridRegressor,
    ResidualRegressor,
    SeasonalRegressor,
)
from skrnn.parallel import _blas_threads
from skrnn.preprocessing import LagsToSequences, PatchSequences, SequenceTransformer
from tests.reliability.entry_points import ENTRY_POINTS
from tests.reliability.interruptions import interrupted_at
from tests.reliability.test_faults import assert_unchanged, n_blas_threads

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Training interrupted by user"
)
X = np.random.default_rng(0).normal(size=(20, 4, 2))
y = X.sum(axis=(1, 2))
NETWORK = RNNRegressor((1,), max_iter=1, random_state=0)
#: Estimators, and what of X each reads: of its fit in the past, and of the one that fails.
FITS = {
    "SlidingWindow": (SlidingWindow(2, carry_context=True), X[:, 0], X[:, :3, 0]),
    "LagsToSequences": (LagsToSequences(), X[:, 0], X[:, :3, 0]),
    "PatchSequences": (PatchSequences(2), X, X[:, :, :1]),
    "SequenceTransformer": (SequenceTransformer(StandardScaler()), X, X[:, :, :1]),
    "ChangeRegressor": (ChangeRegressor(Ridge(), n_series=1), X, X[:, :, :1]),
    "SeasonalRegressor": (SeasonalRegressor(Ridge(), season=2, n_series=1), X, X[:, :, :1]),
    "ResidualRegressor": (ResidualRegressor([("only", Ridge())]), X[:, 0], X[:, :3, 0]),
    "EnsembleRegressor": (EnsembleRegressor(NETWORK, 1, random_state=0), X, X[:, :, :1]),
    "EnsembleClassifier": (
        EnsembleClassifier(RNNClassifier((1,), max_iter=1), 1, random_state=0),
        X,
        X[:, :, :1],
    ),
    "HybridRegressor": (
        HybridRegressor(Ridge(), NETWORK, Ridge(), n_networks=1, n_series=1, random_state=0),
        X[:8],
        X[:8, :, :1],
    ),
}


def fit(estimator, features):
    """Fit an estimator or transformer."""
    targets = y[: len(features)]
    estimator.fit(features, targets > 0.0 if isinstance(estimator, EnsembleClassifier) else targets)


@pytest.mark.parametrize("name", FITS)
def test_an_interruption_between_two_attributes_leaves_the_fit_before(name, monkeypatch):
    estimator, features, others = FITS[name]
    fit(estimator, features)
    before, stored = vars(estimator).copy(), []

    def store(instance, attribute, value):
        object.__setattr__(instance, attribute, value)
        if instance is estimator and attribute != "__dict__":
            stored.append(attribute)
            if len(stored) == n_stored:
                raise KeyboardInterrupt

    monkeypatch.setattr(type(estimator), "__setattr__", store, raising=False)
    for n_stored in (1, 2) if name == "HybridRegressor" else range(1, 5):
        stored.clear()
        with suppress(KeyboardInterrupt):
            fit(estimator, others)
        assert len(stored) <= n_stored
        if len(stored) == n_stored:
            assert_unchanged(estimator, before)
    assert n_stored > 1


@pytest.mark.parametrize("name", ["SlidingWindow", "LagsToSequences", "PatchSequences", "SequenceTransformer"])
def test_an_interruption_after_fit_leaves_the_fit_before_fit_transform(name):
    """The method of a transformer that does not define it itself is a `fit` and a `transform`."""
    estimator, features, others = FITS[name]
    estimator.fit(features)
    before = vars(estimator).copy()
    with interrupted_at(None, ("preprocessing",)) as lines:
        estimator.fit_transform(others)
    for moment in range(max(1, len(lines) - 10), len(lines) + 1):
        estimator.__dict__ = before.copy()
        with interrupted_at(moment, ("preprocessing",)), pytest.raises(KeyboardInterrupt):
            estimator.fit_transform(others)
        assert_unchanged(estimator, before)


def test_an_interruption_while_the_output_is_converted_leaves_the_fit_before():
    library = Path(sklearn.__file__).parent
    window = SlidingWindow(2, carry_context=True, flatten=True).fit(X[:, 0])
    before = vars(window).copy()
    with interrupted_at(None, ("utils/_set_output.py",), root=library) as lines:
        window.fit_transform(X[:, 1])
    assert len(lines) > 1
    for moment in range(1, len(lines) + 1):
        window.__dict__ = before.copy()
        with interrupted_at(moment, ("utils/_set_output.py",), root=library), pytest.raises(KeyboardInterrupt):
            window.fit_transform(X[:, 1])
        assert_unchanged(window, before)


@pytest.mark.parametrize("name", FITS)
def test_a_refused_fit_leaves_the_fit_before(name):
    estimator, features, others = FITS[name]
    fit(estimator, features)
    before = vars(estimator).copy()
    wrong = [np.float64(1.0), others[:0], np.ma.masked_less(others, 0.0)]
    targets = [] if hasattr(estimator, "transform") else [y[: len(others)]]
    for method in ["fit", "fit_transform"] if hasattr(estimator, "transform") else ["fit"]:
        for value in wrong[: 2 if name == "ResidualRegressor" else 3]:  # its estimators read X
            with pytest.raises((ValueError, TypeError)):
                getattr(estimator, method)(value, *targets)
            assert_unchanged(estimator, before)


#: What sets something for the time of a block: the owner and name of the method.
SETTERS = {
    "error handling": (np.errstate, "__enter__"),
    "buffer": (np, "setbufsize"),
    "filters of warnings": (warnings.catch_warnings, "__enter__"),
}


def read_settings():
    """Return the settings of NumPy, warnings and scikit-learn."""
    return np.geterr(), np.getbufsize(), warnings.filters, list(warnings.filters), sklearn.get_config()


@pytest.mark.axis("name", ENTRY_POINTS, quick=list(ENTRY_POINTS)[::4])
def test_an_interruption_as_settings_are_made_leaves_those_of_the_user(name, monkeypatch):
    """In the moment after they are set, in which no block knows of it yet."""
    entry = ENTRY_POINTS[name]
    subject, before = entry.subject(), read_settings()
    for owner, method in SETTERS.values():
        original, n_calls = getattr(owner, method), []

        def interrupted(*arguments, original=original, n_calls=n_calls):
            found = original(*arguments)
            n_calls.append(1)
            if len(n_calls) == 1:
                raise KeyboardInterrupt
            return found

        with monkeypatch.context() as patch:
            patch.setattr(owner, method, interrupted)
            with suppress(KeyboardInterrupt):
                entry.call(subject, entry.good)
        found = read_settings()
        np.seterr(**before[0])
        np.setbufsize(before[1])
        warnings.filters = before[2]
        assert found == before
        assert found[2] is before[2]


@pytest.mark.parametrize("method", ["fit", "predict"])
def test_an_interruption_as_the_limit_of_threads_ends_leaves_those_of_the_user(method, monkeypatch):
    model, n_threads = RNNRegressor((1,), max_iter=1, random_state=0).fit(X, y), n_blas_threads()

    def interrupted(limits, block):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_blas_threads._Limits, "end", interrupted)
        with pytest.raises(KeyboardInterrupt) as caught:  # whose traceback keeps the block
            getattr(model, method)(*((X, y) if method == "fit" else (X,)))
    assert caught is not None
    assert n_blas_threads() == n_threads
    assert not _blas_threads._of_process.blocks
