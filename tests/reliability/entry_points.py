"""Every public function or method that reads an array, each ready to be called with another one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn.pipeline import make_pipeline

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.datasets import make_narendra
from skrnn.ensemble import (
    ChangeRegressor,
    EnsembleClassifier,
    EnsembleRegressor,
    ResidualRegressor,
    SeasonalRegressor,
)
from skrnn.forecasting import backtest, forecast, forecast_interval, to_supervised
from skrnn.metrics import make_sequence_scorer
from skrnn.model_selection import PanelTimeSeriesSplit
from skrnn.preprocessing import LagsToSequences

N_SAMPLES, N_ROWS = 12, 40


def eighths(*shape, seed=0):
    """Return read-only multiples of 1/8 between -2 and 2, which every dtype of floats holds."""
    array = np.random.default_rng(seed).integers(-16, 17, size=shape) / 8.0
    array.flags.writeable = False
    return array


X = eighths(N_SAMPLES, 4, 2)
X_2D = eighths(N_SAMPLES, 4, seed=1)
Y = eighths(N_SAMPLES, seed=2)
Y_OF_TIMESTEPS = eighths(N_SAMPLES, 4, seed=3)
LABELS = np.arange(N_SAMPLES) % 3
WEIGHTS = np.abs(eighths(N_SAMPLES, seed=4)) + 0.125
SERIES = eighths(N_ROWS, seed=5)
TABLE = eighths(N_ROWS, 2, seed=6)
GROUPS = np.arange(N_ROWS) % 2
for good in (LABELS, WEIGHTS, GROUPS):
    good.flags.writeable = False

#: What is a missing value, or else sound, where gaps are allowed.
MISSING = {"NaN", "None among numbers"}
#: A single number where one of each row is expected, and the like, is wrong; labels may be anything else.
LABELS_OF_ANY_KIND = {
    *("strings", "byte strings", "objects", "complex", "dates", "durations"),
    *("infinity", "infinity first", "minus infinity", "integer beyond floats", "long double beyond floats"),
}


@dataclass(frozen=True)
class EntryPoint:
    """A call that reads an array.

    `call(subject, value)` hands it the array, and returns what can be compared. `subject()` makes the estimator or
    splitter, which no call may change. `takes` are kinds of WRONG that are right here, as documented; `unfit` are
    DRESSES that are refused. `parameter` is a pattern: what another function reads is named as that one calls it.
    """

    parameter: str
    good: np.ndarray
    call: Callable[[Any, Any], Any]
    subject: Callable[[], Any] = lambda: None
    takes: frozenset[str] = frozenset()
    unfit: frozenset[str] = frozenset()


def _parameters(Estimator, **parameters):
    return Estimator(3, max_iter=2, random_state=0, dtype="float64", batch_size=N_SAMPLES, **parameters)


@cache
def fitted(Estimator, form="3-D"):
    """Return an estimator fitted to sequences, to a table, or to a target a timestep."""
    if form == "2-D":
        return _parameters(Estimator).fit(X_2D, targets(Estimator))
    if form == "of timesteps":
        return _parameters(Estimator, return_sequences=True).fit(X, targets(Estimator, form))
    return _parameters(Estimator).fit(X, targets(Estimator))


def targets(Estimator, form="3-D"):
    """Return targets for the estimator."""
    if form == "of timesteps":
        return (Y_OF_TIMESTEPS > 0).astype(int) if Estimator is RNNClassifier else Y_OF_TIMESTEPS
    return LABELS if Estimator is RNNClassifier else Y


def trained(estimator, *arguments, method="fit", **keywords):
    """Let the estimator itself be trained, and return its weights; the estimator is then what it was."""
    before = vars(estimator).copy()
    try:
        getattr(estimator, method)(*arguments, **keywords)
        return estimator.readout_weights_, estimator.recurrent_weights_[0]
    finally:
        if vars(estimator).keys() - before.keys() or estimator.readout_weights_ is not before["readout_weights_"]:
            estimator.__dict__ = before


def _of_estimator(Estimator):
    """Return what reads arrays in an estimator."""
    y, name = targets(Estimator), Estimator.__name__
    of_timesteps = targets(Estimator, "of timesteps")
    of_y = {"an axis more"}  # a column
    entries = {}

    def add(method, parameter, good, call, form="3-D", takes=()):
        is_labels = parameter in ("y", "y_val") and Estimator is RNNClassifier and form == "3-D"
        entries[f"{name}.{method}({parameter}), {form}"] = EntryPoint(
            parameter,
            good,
            call,
            lambda: fitted(Estimator, form),
            frozenset(takes),
            frozenset({"objects"} if is_labels else ()),  # scikit-learn takes strings alone as objects
        )

    for form, good in {"3-D": X, "2-D": X_2D}.items():
        lengths = {"one row less", "one row more"}
        of_X = {"NaN", "None among numbers"} if form == "2-D" else set()
        more = {"an axis more"} if form == "2-D" else set()  # columns that are timesteps of one feature
        for method in ("predict", "hidden_states"):
            add(method, "X", good, lambda e, v, m=method: getattr(e, m)(v), form, lengths | of_X | more)
        add("score", "X", good, lambda e, v: e.score(v, y), form, of_X | more)
        add("fit", "X", good, lambda e, v: trained(e, v, y), form, of_X | more)
        add("partial_fit", "X", good, lambda e, v: trained(e, v, y, method="partial_fit"), form, of_X | more)
        add("fit", "X_val", good, lambda e, v, g=good: trained(e, g, y, X_val=v, y_val=y), form, of_X | more)
    if Estimator is RNNClassifier:
        for method in ("predict_proba", "predict_log_proba"):
            add(method, "X", X, lambda e, v, m=method: getattr(e, m)(v), takes={"one row less", "one row more"})
    add("stream().predict", "x", X[0, :1], lambda e, v: e.stream().predict(v), takes={"NaN throughout"})
    entries[f"{name}.stream().state"] = EntryPoint(
        "state", eighths(2, 3, seed=7), stream_state, lambda: begun_stream(Estimator)
    )
    add("fit", "y", y, lambda e, v: trained(e, X, v), takes=of_y)
    add("partial_fit", "y", y, lambda e, v: trained(e, X, v, method="partial_fit"), takes=of_y)
    add("fit", "y_val", y, lambda e, v: trained(e, X, y, X_val=X, y_val=v), takes=of_y)
    add("score", "y", y, lambda e, v: e.score(X, v), takes=of_y)
    add("fit", "sample_weight", WEIGHTS, lambda e, v: trained(e, X, y, v), takes={"None"})
    add(
        "partial_fit",
        "sample_weight",
        WEIGHTS,
        lambda e, v: trained(e, X, y, v, method="partial_fit"),
        takes={"None"},
    )
    add(
        "fit",
        "sample_weight_val",
        WEIGHTS,
        lambda e, v: trained(e, X, y, X_val=X, y_val=y, sample_weight_val=v),
        takes={"None"},
    )
    add("score", "sample_weight", WEIGHTS, lambda e, v: e.score(X, y, v), takes={"None"})
    at_timesteps = MISSING | {"an axis more"}
    form = "of timesteps"
    add("fit", "y", of_timesteps, lambda e, v: trained(e, X, v), form, at_timesteps)
    of_score = MISSING if Estimator is RNNRegressor else at_timesteps
    add("score", "y", of_timesteps, lambda e, v: e.score(X, v), form, of_score)
    weights = np.abs(Y_OF_TIMESTEPS) + 0.125
    add("fit", "sample_weight", weights, lambda e, v: trained(e, X, of_timesteps, v), form, {"None", "an axis more"})
    return entries


@cache
def forecaster():
    """Return a pipeline that forecasts a step of SERIES."""
    features, y = to_supervised(SERIES)
    return make_pipeline(SlidingWindow(3), _parameters(RNNRegressor)).fit(features, y)


@cache
def forecaster_with_exog():
    """Return a pipeline that forecasts a step of SERIES from its last values and those of another column."""
    features, y = to_supervised(SERIES, exog=TABLE[:, 0])
    return make_pipeline(SlidingWindow(3), _parameters(RNNRegressor)).fit(features, y)


def _of_forecasting():
    """Return what reads arrays in skrnn.forecasting."""
    both = np.column_stack([SERIES, TABLE[:, 0]])
    both.flags.writeable = False
    rows = {"one row less", "one row more"}
    gaps = {"NaN", "None among numbers", "NaN throughout"}
    column = {"an axis more"}
    table = rows | gaps | column
    interval = {"n_calibration": 20, "coverage": 0.8}
    return {
        "to_supervised(series)": EntryPoint("series", SERIES, lambda _, v: to_supervised(v), takes=frozenset(table)),
        "to_supervised(exog)": EntryPoint(
            "exog", SERIES, lambda _, v: to_supervised(SERIES, exog=v), takes=frozenset({"None"} | gaps | column)
        ),
        "to_supervised(groups)": EntryPoint(
            "groups",
            GROUPS,
            lambda _, v: to_supervised(SERIES, groups=v),
            takes=frozenset({"None"} | LABELS_OF_ANY_KIND),
        ),
        "forecast(history)": EntryPoint(
            "history|X", SERIES, lambda m, v: forecast(m, v, 3), forecaster, frozenset(rows | MISSING | column)
        ),
        "forecast(exog)": EntryPoint(
            "exog|X",
            TABLE[:4, 1],
            lambda m, v: forecast(m, both, 5, exog=v),
            forecaster_with_exog,
            frozenset({"one row more", "an axis more"}),
        ),
        "forecast_interval(history)": EntryPoint(
            "history|X",
            SERIES,
            lambda m, v: forecast_interval(m, v, 3, **interval),
            forecaster,
            frozenset(rows | MISSING | column),
        ),
        "backtest(series)": EntryPoint(
            "series|X", SERIES, lambda m, v: backtest(m, v, 3).forecasts, forecaster, frozenset(rows | MISSING | column)
        ),
        "backtest(exog)": EntryPoint(
            "exog|X",
            TABLE[:, 0],
            lambda m, v: backtest(m, SERIES, 3, exog=v).forecasts,
            forecaster_with_exog,
            frozenset(column),
        ),
    }


def refitted(transformer, method, *arguments, **keywords):
    """Let the transformer itself be fitted again, and return what follows; where that is refused it stays as it is."""
    before = vars(transformer).copy()
    found = getattr(transformer, method)(*arguments, **keywords)
    found = transformer.n_features_in_ if found is transformer else found
    transformer.__dict__ = before
    return found


def fitted_window(**parameters):
    """Return a transformer that keeps rows of an earlier fit, with another number of columns."""
    return SlidingWindow(3, carry_context=True).fit(np.column_stack([TABLE, TABLE[:, 0]]), **parameters)


@cache
def begun_stream(Estimator):
    """Return a stream after a timestep."""
    stream = fitted(Estimator).stream(2)
    stream.predict(X[:2, 0])
    return stream


def stream_state(stream, state):
    """Set the state of the stream, and return it."""
    before = stream.state
    stream.state = state
    found, stream.state = stream.state, before
    return found


def _of_transformers():
    """Return what reads arrays in SlidingWindow and LagsToSequences."""
    in_table = frozenset({"one row less", "one row more"} | {"NaN", "None among numbers", "NaN throughout"})
    labels = LABELS_OF_ANY_KIND
    return {
        "SlidingWindow.fit(X)": EntryPoint("X", TABLE, lambda w, v: refitted(w, "fit", v), fitted_window, in_table),
        "SlidingWindow.fit_transform(X)": EntryPoint(
            "X", TABLE, lambda w, v: refitted(w, "fit_transform", v), fitted_window, in_table
        ),
        "SlidingWindow.transform(X)": EntryPoint(
            "X", TABLE, lambda w, v: w.transform(v), lambda: SlidingWindow(3, carry_context=True).fit(TABLE), in_table
        ),
        "SlidingWindow.fit_transform(groups)": EntryPoint(
            "groups",
            GROUPS,
            lambda w, v: refitted(w, "fit_transform", TABLE, groups=v),
            lambda: fitted_window(groups=GROUPS),
            frozenset({"None"} | labels),
        ),
        "LagsToSequences.fit(X)": EntryPoint(
            "X", TABLE, lambda t, v: refitted(t, "fit", v), lambda: LagsToSequences().fit(SERIES[:, None]), in_table
        ),
        "LagsToSequences.transform(X)": EntryPoint(
            "X", TABLE, lambda t, v: t.transform(v), lambda: LagsToSequences().fit(TABLE), in_table
        ),
    }


def data_of_composite(kind):
    """Return X, y and weights for a composite estimator."""
    features = {ResidualRegressor: X_2D, EnsembleRegressor: X, EnsembleClassifier: X}.get(kind, X[:, :, :1])
    return features, LABELS if kind is EnsembleClassifier else Y, WEIGHTS


@cache
def composite(kind):
    """Return a fitted composite estimator."""
    inner = (RNNClassifier if kind is EnsembleClassifier else RNNRegressor)((2,), max_iter=1, random_state=0)
    estimator = {
        ChangeRegressor: lambda: ChangeRegressor(inner),
        SeasonalRegressor: lambda: SeasonalRegressor(inner, season=2),
        ResidualRegressor: lambda: ResidualRegressor([("only", inner)]),
        EnsembleRegressor: lambda: EnsembleRegressor(inner, 1, random_state=0),
        EnsembleClassifier: lambda: EnsembleClassifier(inner, 1, random_state=0),
    }[kind]()
    return estimator.fit(*data_of_composite(kind)[:2])


def _of_composites():
    """Return what reads arrays in the estimators of skrnn.ensemble and their streams."""
    entries, rows = {}, {"one row less", "one row more"}
    for kind in (ChangeRegressor, SeasonalRegressor, ResidualRegressor, EnsembleRegressor, EnsembleClassifier):
        features, y, weights = data_of_composite(kind)
        missing = set() if kind in (EnsembleRegressor, EnsembleClassifier) else MISSING
        in_table = {"an axis more"} if kind is ResidualRegressor else set()  # columns that are timesteps
        of_labels = frozenset({"objects"} if kind is EnsembleClassifier else ())
        for position, (name, good, takes, unfit) in enumerate(
            [
                ("X", features, missing | in_table, frozenset()),
                ("y", y, {"an axis more"}, of_labels),
                ("sample_weight", weights, {"None"}, frozenset()),
            ]
        ):

            def fit_again(estimator, value, kind=kind, position=position):
                arguments = list(data_of_composite(kind))
                arguments[position] = value
                return refitted(estimator, "fit", *arguments)

            entries[f"{kind.__name__}.fit({name})"] = EntryPoint(
                name, good, fit_again, lambda kind=kind: composite(kind), frozenset(takes), unfit
            )
        entries[f"{kind.__name__}.predict(X)"] = EntryPoint(
            "X",
            features,
            lambda e, v: e.predict(v),
            lambda kind=kind: composite(kind),
            frozenset(rows | missing | in_table | ({"NaN throughout"} if missing and not in_table else set())),
        )
    ensemble = lambda: composite(EnsembleRegressor)  # noqa: E731
    entries["EnsembleRegressor.stream().predict"] = EntryPoint(
        "x", X[0, :1], lambda e, v: e.stream().predict(v), ensemble, frozenset({"NaN throughout"})
    )
    entries["EnsembleRegressor.stream().state"] = EntryPoint(
        "state", eighths(2, 2, seed=8), stream_state, lambda: ensemble().stream(2)
    )
    return entries


def _folds(splitter, *arguments, **keywords):
    """Return the rows of all folds, one behind the other."""
    return [np.concatenate(fold) for fold in splitter.split(*arguments, **keywords)]


def _of_splitters():
    """Return what reads arrays in PanelTimeSeriesSplit."""
    times = np.arange(float(N_ROWS))[:, np.newaxis]
    times.flags.writeable = False
    return {
        "PanelTimeSeriesSplit.split(X)": EntryPoint(
            "X|time_column=0",
            times,
            lambda s, v: _folds(s, v, y=SERIES),
            lambda: PanelTimeSeriesSplit(2, time_column=0),
            frozenset({"sparse array", "sparse matrix"}),
        ),
        "PanelTimeSeriesSplit.split(groups)": EntryPoint(
            "groups",
            GROUPS,
            lambda s, v: _folds(s, TABLE, groups=v),
            lambda: PanelTimeSeriesSplit(2),
            frozenset({"None"} | LABELS_OF_ANY_KIND),
        ),
    }


def _of_scorers():
    """Return what reads arrays in a scorer of make_sequence_scorer."""
    score = make_sequence_scorer("neg_mean_squared_error")
    model = lambda: fitted(RNNRegressor, "of timesteps")  # noqa: E731
    return {
        "make_sequence_scorer()(X)": EntryPoint("X|X.", X, lambda m, v: score(m, v, Y_OF_TIMESTEPS), model),
        "make_sequence_scorer()(y)": EntryPoint(
            "y|y_true|input variables",
            Y_OF_TIMESTEPS,
            lambda m, v: score(m, X, v),
            model,
            frozenset(MISSING | {"an axis more"}),
        ),
        "make_sequence_scorer()(sample_weight)": EntryPoint(
            "sample_weight",
            WEIGHTS,
            lambda m, v: score(m, X, Y_OF_TIMESTEPS, sample_weight=v),
            model,
            frozenset({"None"}),
        ),
    }


def _of_datasets():
    """Return what reads arrays in skrnn.datasets."""
    inputs = SERIES / 4.0
    inputs.flags.writeable = False
    rows = frozenset({"None", "one row less", "one row more"})
    return {"make_narendra(inputs)": EntryPoint("inputs", inputs, lambda _, v: make_narendra(inputs=v), takes=rows)}


ENTRY_POINTS = (
    _of_estimator(RNNRegressor)
    | _of_estimator(RNNClassifier)
    | _of_transformers()
    | _of_composites()
    | _of_forecasting()
    | _of_splitters()
    | _of_scorers()
    | _of_datasets()
)
