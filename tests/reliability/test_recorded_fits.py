"""Tests that ten small fits come to what they came to before: no version changes behaviour silently."""

import json

import numpy as np
import pytest

from tests.reliability.small_fits import FITS, result
from tests.reliability.write_recorded_fits import RECORDED

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
WHAT_TO_DO = (
    "This version fits in another way than the one before. If that is not meant, it is a defect. If it is, say so in "
    "CHANGELOG.md (under Changed: what changes, and for whom), run python -m tests.reliability.write_recorded_fits "
    "and commit recorded_fits.json with it."
)
#: Between the oldest and the newest NumPy and SciPy, and between kernels of OpenBLAS with and without AVX, results were
#: 3e-14 apart, in float32 3e-8 (docs/design/reliability.md). A change of behaviour is larger by far.
TOLERANCES = {"float64": 1e-9, "float32": 1e-5}

recorded = json.loads(RECORDED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FITS)
def test_fit_comes_to_what_was_recorded(name):
    assert name in recorded, f"{name!r} is not recorded yet: run python -m tests.reliability.write_recorded_fits."
    fault = difference(result(name), recorded[name], TOLERANCES[FITS[name][0].dtype or "float64"])
    assert not fault, f"{name}: {fault}. {WHAT_TO_DO}"


def difference(found, expected, tolerance):
    """Return how a result differs from what was recorded, an empty text if it does not."""
    for kind in ("losses", "answers"):
        if np.shape(found[kind]) != np.shape(expected[kind]):
            return f"{kind} have the shape {np.shape(found[kind])}, recorded was {np.shape(expected[kind])}"
        apart = np.abs(np.subtract(found[kind], expected[kind])) - tolerance * np.abs(expected[kind])
        if not (apart <= tolerance).all():
            return f"{kind} are up to {apart.max():.3g} apart from those recorded"
    return ""


def test_all_that_is_recorded_is_fitted():
    assert recorded.keys() == FITS.keys()


def test_another_learning_rate_would_be_noticed():
    name = "simple unit, adam"
    changed = result(name, learning_rate_init=0.00101)
    assert "losses are up to" in difference(changed, recorded[name], TOLERANCES["float64"])
    longer = result(name, max_iter=5)
    assert "losses have the shape" in difference(longer, recorded[name], TOLERANCES["float64"])
