"""Tests of parameters as JSON has them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrnn.persistence._contents import from_json, to_json
from tests.examples import examples

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters())
keys = st.integers() | st.text(max_size=3) | st.booleans() | st.tuples(st.integers(), st.text(max_size=2))
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
        | st.dictionaries(st.sampled_from(["tuple", "dict", "array", "shape"]), inner)
    ),
    max_leaves=8,
)


def typed(value):
    """Return the value with all its types."""
    if isinstance(value, list | tuple):
        return type(value), [typed(entry) for entry in value]
    if isinstance(value, dict):
        return dict, [(typed(key), typed(entry)) for key, entry in value.items()]
    return type(value), value


@examples(200, derandomize=True)
@given(values)
def test_comes_back_as_it_was(value):
    assert typed(from_json(json.loads(json.dumps(to_json("x", value))))) == typed(value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(3),
        np.array([0.1, np.inf, -0.0]),
        np.array(2.5),
        np.ones((2, 0, 3)),
        np.array([[True, False]]),
        np.arange(6.0).reshape(2, 3).T,
        np.array([0.1], np.float32),
    ],
    ids=repr,
)
def test_arrays_come_back_equal(array):
    came = from_json(json.loads(json.dumps(to_json("x", array))))
    assert came.dtype.kind == array.dtype.kind or array.size == 0
    np.testing.assert_array_equal(came, array)


@pytest.mark.parametrize(
    ("value", "expected"), [(np.int8(3), 3), (np.float32(0.5), 0.5), (np.bool_(True), True), (np.str_("a"), "a")]
)
def test_numbers_of_numpy_are_those_of_python(value, expected):
    came = from_json(to_json("x", value))
    assert type(came) is type(expected)
    assert came == expected


@pytest.mark.parametrize(
    "value",
    [
        print,
        lambda: None,
        object(),
        {"callback": print},
        [1, (2, {"a": {1}})],
        b"bytes",
        1j,
        np.array(["a"]),
        np.array([None]),
        np.random.RandomState(0),
        np.datetime64("2020-01-01"),
        range(3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nothing_else_is_taken(value):
    with pytest.raises(TypeError, match=r"x is or contains an object of type .*; expected"):
        to_json("x", value)


def test_what_holds_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(ValueError, match="x is nested deeper than 16 levels"):
        to_json("x", value)
