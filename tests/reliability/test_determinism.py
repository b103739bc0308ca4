"""Tests that the same seed gives the same bits: in another process, with other workers, in threads, warm or cold."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from skrnn import RNNClassifier
from tests.reliability.small_fits import FITS, make_task, result, results

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def expected():
    """What the fits come to in this process."""
    return results()


def results_of_process(**environment):
    """Return the results of the fits in a process of their own."""
    command = [sys.executable, "-W", "error", "-m", "tests.reliability.small_fits"]
    environment = {**os.environ, **environment}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # which reads every float to the last bit


def test_same_bits_in_another_process(expected):
    assert results_of_process(PYTHONHASHSEED="123") == expected


@pytest.mark.parametrize("name", FITS)
def test_same_bits_with_two_workers(name, expected):
    if FITS[name][0].n_init > 1:
        pytest.skip("each start a process: see tests/estimators/test_restarts.py")
    assert result(name, n_jobs=2) == expected[name]


@pytest.mark.thorough
def test_threads_of_blas_change_no_more_than_rounding(expected):
    limits = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "3")
    found = results_of_process(**limits)
    for name, fit in found.items():
        for kind, values in fit.items():
            np.testing.assert_allclose(values, expected[name][kind], rtol=1e-7, atol=1e-9, err_msg=name)


def test_same_bits_again_in_the_same_process(expected):
    assert results() == expected


def test_same_bits_in_threads_side_by_side(expected):
    with ThreadPoolExecutor(4) as threads:
        assert dict(zip(FITS, threads.map(result, FITS), strict=True)) == expected


def test_same_bits_whatever_was_fitted_before(expected):
    for name in reversed(FITS):
        assert result(name) == expected[name], name


@pytest.mark.parametrize("name", FITS)
def test_same_answers_whatever_was_predicted_before(name):
    estimator, X, y, keywords = FITS[name]
    model = type(estimator)(**estimator.get_params()).set_params(max_iter=1, early_stopping=False, n_init=1, tol=1e9)
    model.fit(X, y, **keywords)
    answer = model.predict_proba if isinstance(model, RNNClassifier) else model.predict
    cold = answer(X)
    longer, _ = make_task(1, n_samples=70, n_timesteps=13, n_features=np.shape(X[0])[1])
    answer(longer)
    np.testing.assert_array_equal(answer(X), cold)


def test_global_random_state_is_neither_read_nor_moved(expected):
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert result("every timestep, truncated, dropout") == expected["every timestep, truncated, dropout"]
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
