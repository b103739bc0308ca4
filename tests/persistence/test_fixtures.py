"""Tests that models which earlier versions have stored load, and answer as they did."""

import json
import pickle
import re
import warnings

import numpy as np
import pytest
from sklearn.exceptions import InconsistentVersionWarning
from skops import io as skops

import skrnn
from tests.persistence.write_fixtures import FIXTURES, METHODS, make_task

VERSIONS = sorted(FIXTURES.iterdir())
MODELS = sorted(path.with_suffix("") for path in FIXTURES.glob("*/*.json"))
each_model = pytest.mark.parametrize("path", MODELS, ids=[f"{path.parent.name}-{path.name}" for path in MODELS])


@pytest.fixture
def other_versions():
    """Let pickles come from other versions of scikit-learn and NumPy, which warn of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)  # of scikit-learn's own classes, such as a pipeline
        warnings.filterwarnings("ignore", r"numpy\.core\.numeric is deprecated", DeprecationWarning)  # its old name
        yield


def assert_answers_as_before(model, path):
    before = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    X = np.array(before["X"])
    assert {name for name in METHODS if hasattr(model, name)} >= set(before["answers"])
    for method, answer in before["answers"].items():
        found, expected = np.asarray(getattr(model, method)(X)), np.array(answer)
        if expected.dtype.kind == "U":
            np.testing.assert_array_equal(found, expected)
        else:
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@each_model
@pytest.mark.usefixtures("other_versions")
def test_pickle_of_an_earlier_version(path):
    assert_answers_as_before(pickle.loads(path.with_suffix(".pickle").read_bytes()), path)


@each_model
@pytest.mark.usefixtures("other_versions")
def test_skops_of_an_earlier_version(path):
    stored = path.with_suffix(".skops")
    names = skops.get_untrusted_types(file=stored)
    assert names
    assert all(name.startswith("skrnn.") for name in names)
    assert_answers_as_before(skops.load(stored, trusted=names), path)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
@pytest.mark.usefixtures("other_versions")
def test_training_goes_on(version, cell):
    X, _ = make_task()
    model = pickle.loads((version / f"regressor_{cell}.pickle").read_bytes())
    n_iter, before = model.n_iter_, model.predict(X)
    model.partial_fit(X, before + 1.0)
    assert model.n_iter_ == n_iter + 1
    assert (model.predict(X) > before).mean() > 0.5


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_a_model_of_each_kind_is_stored(version):
    assert {"windows", "pipeline", "classifier_rnn", "regressor_gru", "regressor_of_timesteps"} <= {
        path.name for path in MODELS if path.parent == version
    }


@pytest.mark.skipif(not re.fullmatch(r"\d+\.\d+\.\d+", skrnn.__version__), reason="not a release")
def test_a_release_has_stored_its_models():
    assert FIXTURES / skrnn.__version__ in VERSIONS, f"run `make fixtures VERSION={skrnn.__version__}`"
