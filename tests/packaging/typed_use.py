"""A user's program whose types are checked by `mypy --strict` against the installed package: `make types` runs it."""

from typing import Any, assert_type

import numpy as np

import skrnn
from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.callbacks import Checkpoint, EarlyStoppingOn
from skrnn.datasets import load_japanese_vowels, load_sunspots, make_adding_problem
from skrnn.ensemble import ChangeRegressor, EnsembleClassifier, EnsembleRegressor, HybridRegressor, ResidualRegressor
from skrnn.export import from_torch, to_onnx
from skrnn.forecasting import backtest, forecast, to_supervised
from skrnn.metrics import make_sequence_scorer
from skrnn.model_selection import PanelTimeSeriesSplit
from skrnn.plotting import LossCurveDisplay
from skrnn.preprocessing import LagsToSequences, PatchSequences, SequenceTransformer, TableSequences, to_sequences


def right() -> None:
    assert_type(skrnn.__version__, str)

    X = np.zeros((4, 3, 2))
    y = np.zeros(4)

    regressor = RNNRegressor((8,), cell="gru", solver="lbfgs", quantile=[0.1, 0.9])
    assert_type(regressor.fit(X, y, sample_weight=None, X_val=X, y_val=y), RNNRegressor)
    assert_type(regressor.score(X, y), float)
    assert_type(regressor.loss_curve_, list[float])
    classifier = RNNClassifier((8, 4), class_weight="balanced", random_state=0).fit(X, y)
    assert_type(classifier, RNNClassifier)
    assert_type(classifier.score(X, y), float)
    regressor.stream(n_sequences=2).reset()

    windows = SlidingWindow(n_timesteps=12, padding="edge").fit(X[0])
    assert_type(windows, SlidingWindow)
    assert_type(windows.transform(X[0]), np.ndarray[tuple[Any, ...], np.dtype[np.floating[Any]]])

    assert_type(LagsToSequences(12, order="oldest_first").fit(X[0]), LagsToSequences)
    assert_type(PatchSequences(2, stride=1).fit(X), PatchSequences)
    assert_type(SequenceTransformer(windows).fit(X, y), SequenceTransformer)

    assert_type(to_sequences(X, group="patient", time="day", target="ill"), TableSequences)

    assert_type(ResidualRegressor([("network", regressor)], cv=3, shrinkage=None).fit(X, y), ResidualRegressor)
    assert_type(ChangeRegressor(regressor).fit(X, y), ChangeRegressor)
    assert_type(EnsembleRegressor(regressor, 5, n_jobs=2).fit(X, y), EnsembleRegressor)
    assert_type(EnsembleClassifier(classifier).fit(X, y), EnsembleClassifier)
    assert_type(HybridRegressor(random_state=0).fit(X, y), HybridRegressor)

    sunspots, next_year = load_sunspots(return_X_y=True)
    windows.fit(sunspots, next_year)
    utterances, speakers = load_japanese_vowels(subset="train", return_X_y=True)
    classifier.fit(utterances, speakers)
    sequences, sums = make_adding_problem(n_samples=10, random_state=0)
    regressor.fit(sequences, sums)
    make_sequence_scorer("neg_mean_absolute_error")

    Checkpoint("network.checkpoint", every=10)
    assert_type(EarlyStoppingOn("r2", X, y, n_iter_no_change=5).best_score_, float)
    to_onnx(regressor, lengths=True)
    from_torch({"weight_ih_l0": X[0], "weight_hh_l0": X[0]}, classes=["no", "yes"])
    to_supervised(X[0], n_steps=3)
    forecast(regressor, X[0], 3)
    backtest(regressor, X[0], 3)
    PanelTimeSeriesSplit(n_splits=3)
    assert_type(LossCurveDisplay.from_estimator(regressor), LossCurveDisplay)


# Errors at run time are type errors here, because mypy reports each unused `type: ignore`.
def wrong() -> None:
    RNNRegressor(cells="gru")  # type: ignore[call-arg]
    RNNClassifier(alpha="small")  # type: ignore[arg-type]
    SlidingWindow(padding="repeat")  # type: ignore[arg-type]
    LagsToSequences(order="newest")  # type: ignore[arg-type]
    PatchSequences("two")  # type: ignore[arg-type]
    Checkpoint("network.checkpoint", every="often")  # type: ignore[arg-type]
    EarlyStoppingOn("r2", patience=5)  # type: ignore[call-arg]
    to_onnx(RNNRegressor(), length=True)  # type: ignore[call-arg]
