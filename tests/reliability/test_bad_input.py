"""Tests that every public function refuses what it cannot read, with an error that names it, and harms nothing.

The cases are all pairs of an entry point (entry_points.py) and a kind of wrong value (values.py): to add one to either
table is to test it against all of the other.
"""

import pickle
import re

import numpy as np
import pytest

from tests.reliability.entry_points import ENTRY_POINTS
from tests.reliability.values import DRESSES, WRONG

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:.* groups have at most n_steps",
    "ignore:A column-vector y was passed:sklearn.exceptions.DataConversionWarning",
)
#: Words by which a message says what would have been right.
EXPECTATION = re.compile("expect|requir|takes|must|minimum|inconsistent", re.IGNORECASE)


@pytest.mark.axis("name", ENTRY_POINTS)
@pytest.mark.axis("kinds", [list(WRONG)], quick=[list(WRONG)[first::6] for first in range(6)])
def test_wrong_values_are_refused_and_named(name, kinds):
    failures = {kind: fault_of_refusal(ENTRY_POINTS[name], kind) for kind in kinds}
    assert not {kind: fault for kind, fault in failures.items() if fault}


def fault_of_refusal(entry, kind):
    """Return what is wrong with how the entry point meets a wrong value: an empty text if nothing is."""
    subject, value = entry.subject(), WRONG[kind](entry.good)
    before, untouched = pickle.dumps(subject), as_bytes(value)
    fault = "" if kind in entry.takes else "no error"
    try:
        entry.call(subject, value)
    except (ValueError, TypeError) as error:
        fault = fault_of_message(str(error), entry.parameter) if kind not in entry.takes else f"refused: {error}"
    except Exception as error:
        fault = f"{type(error).__name__}: {error}"
    if pickle.dumps(subject) != before:
        fault += " The estimator is another."
    if as_bytes(value) != untouched:
        fault += " The input was written to."
    return fault


def fault_of_message(message, parameter):
    """Return what the message of an error lacks."""
    if not re.search(rf"\b({parameter})\b", message):
        return f"{parameter} is not named in: {message}"
    return "" if EXPECTATION.search(message) else f"nothing is expected in: {message}"


def as_bytes(value):
    """Return the content of an array, of which nothing may be changed; of other values nothing."""
    return pickle.dumps(value) if isinstance(value, np.ndarray) else b""


@pytest.mark.axis("name", ENTRY_POINTS)
@pytest.mark.axis("dresses", [list(DRESSES)], quick=[list(DRESSES)[first::3] for first in range(3)])
def test_same_numbers_in_another_dress_give_the_same(name, dresses):
    entry = ENTRY_POINTS[name]
    subject = entry.subject()
    expected = entry.call(subject, entry.good)
    for dress in set(dresses) - entry.unfit:
        value = DRESSES[dress](entry.good)
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        untouched = as_bytes(value)
        rtol = 1e-4 if dress in ("float32", "float16") else 0.0  # a forecast is of the dtype of its history
        assert_same(entry.call(subject, value), expected, rtol, dress)
        assert as_bytes(value) == untouched, dress


def assert_same(found, expected, rtol, dress):
    """Check that two answers, arrays or tuples of some, are equal in values and shapes."""
    if isinstance(expected, tuple | list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other, rtol, dress)
    else:
        assert np.shape(found) == np.shape(expected), dress
        np.testing.assert_allclose(found, expected, rtol=rtol, err_msg=dress)


@pytest.mark.parametrize("name", [name for name in ENTRY_POINTS if "weight" in name])
def test_weights_below_zero_or_all_zero(name):
    entry = ENTRY_POINTS[name]
    for weights in (-entry.good, np.where(np.arange(entry.good.size) == 3, -1e-300, entry.good.flat), 0.0 * entry.good):
        with pytest.raises(ValueError, match=rf"\b{entry.parameter}\b.*[Ee]xpected"):
            entry.call(entry.subject(), weights.reshape(entry.good.shape))


def test_a_call_that_harms_is_caught():
    """The table would be worth little if it passed whatever happens."""
    entry = next(iter(ENTRY_POINTS.values()))
    assert fault_of_refusal(entry, "strings") == ""
    silent = type(entry)("X", entry.good, lambda subject, value: None)
    assert "no error" in fault_of_refusal(silent, "strings")
    nameless = type(entry)("nobody", entry.good, entry.call, entry.subject)
    assert "nobody is not named" in fault_of_refusal(nameless, "strings")
    vandal = type(entry)("X", entry.good, lambda subject, value: value.fill(0.0))
    assert "written to" in fault_of_refusal(vandal, "complex")


def test_table_is_large_enough():
    assert len(ENTRY_POINTS) * len(WRONG) >= 2500
