"""Tests that parameters of functions, transformers and splitters are judged: out of range, or of the wrong type.

Those of the networks are in tests/estimators/test_bad_input.py.
"""

import re
from inspect import signature

import numpy as np
import pandas as pd
import pytest

from skrnn import RNNRegressor, SlidingWindow, datasets
from skrnn.forecasting import backtest, forecast, forecast_interval, to_supervised
from skrnn.metrics import make_sequence_scorer
from skrnn.model_selection import PanelTimeSeriesSplit
from skrnn.preprocessing import LagsToSequences, PatchSequences, SequenceTransformer, to_sequences
from tests.reliability.entry_points import SERIES, TABLE, fitted, forecaster

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NOT_NUMBERS = ["nonsense", np.nan, object(), [], {}, True, 1j]
COUNT = [None, *NOT_NUMBERS, -1, 0, 1.5, np.inf]
POSITIVE = [None, *NOT_NUMBERS, -1.0, 0.0, np.inf]
SHARE = [*NOT_NUMBERS, -0.1, 0.0, 1.0, 1.5, np.inf]
LENGTH = [*NOT_NUMBERS, -1, 1.5, np.inf, np.timedelta64(1, "D")]
FLAG = [None, "nonsense", 1.5, object(), [], 2]
MODEL = [None, "model", 3, object(), RNNRegressor, [], SlidingWindow(3).fit(TABLE)]
SEED = ["nonsense", -1, 1.5, np.nan, object(), {}]


def split(**parameters):
    return list(PanelTimeSeriesSplit(**{"n_splits": 2, **parameters}).split(TABLE))


def window(**parameters):
    return SlidingWindow(**parameters).fit_transform(TABLE)


def of_table(**parameters):
    table = pd.DataFrame({"group": np.arange(40) % 2, "value": SERIES})
    return to_sequences(table, **{"group": "group", **parameters})


def without_none(values):
    return [value for value in values if value is not None]


def interval(**parameters):
    return forecast_interval(**{"model": forecaster(), "history": SERIES, "n_steps": 2, **parameters})


#: function: (a call with one parameter changed, parameter: wrong values).
TABLES = {
    "to_supervised": (lambda **p: to_supervised(SERIES, **p), {"n_steps": [*COUNT, 40, 10**12], "groups": [0, "name"]}),
    "forecast": (
        lambda **p: forecast(**{"model": forecaster(), "history": SERIES, "n_steps": 2, **p}),
        {"n_steps": COUNT, "model": MODEL},
    ),
    "forecast_interval": (
        lambda **p: interval(**{"n_calibration": 20, "coverage": 0.8, **p}),
        {"n_steps": COUNT, "model": MODEL, "coverage": [None, *SHARE, 0.99], "n_calibration": [*COUNT, 2, 1000]},
    ),
    "backtest": (
        lambda **p: backtest(**{"model": forecaster(), "series": SERIES, "n_steps": 2, **p}),
        {
            "n_steps": COUNT,
            "model": MODEL,
            "first_origin": [*NOT_NUMBERS, -1, 1.5, 39, 10**12],
            "step": COUNT,
            "coverage": [*SHARE, 0.999],
        },
    ),
    "backtest with intervals": (
        lambda **p: backtest(forecaster(), SERIES, 2, coverage=0.8, **p),
        {"n_calibration": [*without_none(COUNT), 2]},
    ),
    "SlidingWindow": (
        window,
        {
            "n_timesteps": COUNT,
            "dilation": COUNT,
            "padding": [None, "nonsense", "", 3, [], {}, True, object()],
            "group_column": ["name", 2, -3, 1.5, [], {}, object()],
            "carry_context": FLAG,
            "flatten": FLAG,
        },
    ),
    "LagsToSequences": (
        lambda **p: LagsToSequences(**p).fit_transform(TABLE),
        {
            "n_timesteps": [*without_none(COUNT), 3],
            "order": [None, "nonsense", "", 3, [], {}, True, object()],
            "by": [None, "nonsense", "", 3, [], {}, True, object()],
            "n_variables": [*COUNT, 3, (), (1, 0), (1, 1.5)],
            "first_lag": ["name", 2, -3, 1.5, None, [], {}, object()],
        },
    ),
    "PatchSequences": (
        lambda **p: PatchSequences(**{"size": 2, **p}).fit(TABLE),
        {"size": COUNT, "stride": [*without_none(COUNT), 3]},
    ),
    "SequenceTransformer": (
        lambda **p: SequenceTransformer(**p).fit_transform(TABLE),
        {"transformer": [None, "passthrough", 3, object(), [], SlidingWindow, RNNRegressor()]},
    ),
    "to_sequences": (
        of_table,
        {
            "group": ["name", 2, -3, 1.5, None, [], {}, object()],
            "time": ["name", 2, -3, 1.5, [], {}, object()],
            "target": ["name", 2, -3, 1.5, [], {}, object()],
            "features": ["value", [], ["name"], [2], 3, object()],
            "return_sequences": FLAG,
        },
    ),
    "PanelTimeSeriesSplit": (
        split,
        {
            "n_splits": [*COUNT, 1, 40],
            "test_size": [*LENGTH, 0, 39],
            "gap": [None, *LENGTH, 39],
            "max_train_size": [*LENGTH, 0],
            "horizon": [*LENGTH, 0, 39],
            "window": [*LENGTH, 0, 39],
            "time_column": [2, -3, 1.5, "name", [], {}, True, object()],
            "group_column": [2, -3, 1.5, "name", [], {}, True, object()],
        },
    ),
    "make_sequence_scorer": (make_sequence_scorer, {"scoring": [None, "nonsense", 3, [], object()]}),
    "stream": (lambda **p: fitted(RNNRegressor).stream(**p), {"n_sequences": COUNT}),
    "make_adding_problem": (
        datasets.make_adding_problem,
        {"n_samples": COUNT, "n_timesteps": [*COUNT, 1], "random_state": SEED},
    ),
    "make_temporal_order": (
        datasets.make_temporal_order,
        {"n_samples": COUNT, "n_timesteps": [*COUNT, 9], "random_state": SEED},
    ),
    "make_mackey_glass": (
        datasets.make_mackey_glass,
        {
            "n_samples": COUNT,
            "tau": COUNT,
            "beta": POSITIVE,
            "gamma": POSITIVE,
            "exponent": POSITIVE,
            "n_substeps": COUNT,
            "n_washout": [value for value in COUNT if value != 0 or value is True],
            "random_state": SEED,
        },
    ),
    "make_narendra": (datasets.make_narendra, {"n_samples": COUNT, "random_state": SEED}),
}
CASES = [(name, parameter) for name, (_, parameters) in TABLES.items() for parameter in parameters]


@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_wrong_value_is_refused_and_named(name, parameter):
    call, parameters = TABLES[name]
    for value in parameters[parameter]:
        with pytest.raises((ValueError, TypeError)) as caught:
            call(**{parameter: value})
        assert re.search(rf"\b({parameter}|scoring)\b", str(caught.value)), f"{parameter}={value!r}: {caught.value}"


@pytest.mark.parametrize(
    "function",
    [
        SlidingWindow,
        LagsToSequences,
        PatchSequences,
        SequenceTransformer,
        PanelTimeSeriesSplit,
        *map(datasets.__dict__.get, datasets.__all__),
    ],
)
def test_every_parameter_has_wrong_values(function):
    if function.__name__.startswith("load_"):
        pytest.skip("takes flags alone")
    judged = TABLES[function.__name__][1].keys() | {"inputs"}  # an array: see entry_points.py
    assert set(signature(function).parameters) <= judged
