"""Tests that a stored model answers on another machine as on this one, as far as one machine can show."""

import io
import os
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from skops import io as skops

from tests.estimators.tasks import assert_same_fit
from tests.persistence.write_fixtures import answers, fitted_models

#: What another machine may have: fewer instructions in BLAS and in NumPy's own loops, and more threads or fewer.
MACHINES = {
    "BLAS of an old processor": {"OPENBLAS_CORETYPE": "Prescott"},
    "NumPy of an old processor": {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX2 FMA3 AVX512F AVX512_SKX"},
    "one thread": {"OPENBLAS_NUM_THREADS": "1"},
    "three threads": {"OPENBLAS_NUM_THREADS": "3"},
}
ANSWER = """
import pickle, sys
from tests.persistence.write_fixtures import answers
models = pickle.load(sys.stdin.buffer)
found = {name: answers(model, X) for name, (model, X) in models.items()}
sys.stdout.buffer.write(pickle.dumps(found))
"""


def round_trip_joblib(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


def round_trip_skops(model):
    stored = skops.dumps(model)
    names = skops.get_untrusted_types(data=stored)
    assert names
    assert all(name.startswith("skrnn.") for name in names)
    return skops.loads(stored, trusted=names)


ROUND_TRIPS = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "joblib": round_trip_joblib,
    "skops": round_trip_skops,
}


@pytest.fixture(scope="module")
def models():
    return fitted_models()


@pytest.mark.parametrize("round_trip", ROUND_TRIPS.values(), ids=ROUND_TRIPS.keys())
@pytest.mark.parametrize("name", fitted_models().keys())
def test_round_trip(models, name, round_trip):
    model, X = models[name]
    copy = round_trip(model)
    assert clone(copy).get_params().keys() == model.get_params().keys()
    assert repr(copy) == repr(model)
    for method, expected in answers(model, X).items():
        np.testing.assert_array_equal(np.asarray(getattr(copy, method)(X)), expected)


@pytest.mark.thorough
@pytest.mark.parametrize("machine", MACHINES)
def test_another_machine_predicts_the_same(models, machine):
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ANSWER],  # NumPy warns of features whose names it does not know
        input=pickle.dumps(models),
        capture_output=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), **MACHINES[machine]},
        check=True,
    )
    for name, found in pickle.loads(run.stdout).items():
        for method, expected in answers(*models[name]).items():
            if expected.dtype.kind == "U":
                np.testing.assert_array_equal(found[method], expected)
            else:
                np.testing.assert_allclose(found[method], expected, rtol=1e-10, atol=1e-12)


def swapped(value):
    """Return the same with all floats, also in lists, in the other byte order."""
    if isinstance(value, list):
        return [swapped(entry) for entry in value]
    is_float_array = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(value.dtype.newbyteorder()) if is_float_array else value


def of_other_byte_order(model):
    """Return the model as a big-endian machine's pickle arrives on a little-endian one, or the other way round."""
    other = clone(model)
    vars(other).update({name: swapped(value) for name, value in vars(model).items()})
    assert not other.readout_weights_.dtype.isnative
    return other


@pytest.mark.parametrize("name", ["regressor_rnn", "classifier_gru", "regressor_lstm", "regressor_of_timesteps"])
def test_arrays_of_the_other_byte_order(models, name):
    model, X = models[name]
    other = of_other_byte_order(model)
    for method, expected in answers(model, X).items():
        np.testing.assert_array_equal(np.asarray(getattr(other, method)(swapped(X))), expected)


def test_stream_of_the_other_byte_order(models):
    model, X = models["regressor_of_timesteps"]
    np.testing.assert_array_equal(of_other_byte_order(model).stream().predict(X[0, 0]), model.stream().predict(X[0, 0]))


def test_training_continues_in_the_other_byte_order(models):
    model, X = models["regressor_gru"]
    y = model.predict(X) + 1.0
    one, other = (copy.partial_fit(X, y) for copy in (pickle.loads(pickle.dumps(model)), of_other_byte_order(model)))
    assert_same_fit(one, other)
    assert other.readout_weights_.dtype.isnative
