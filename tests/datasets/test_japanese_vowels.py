"""The loader of the Japanese vowels: official split, raggedness, exact values."""

import hashlib

import numpy as np
import pytest

from skrnn.datasets import load_japanese_vowels


def test_official_split():
    train, test = load_japanese_vowels(subset="train"), load_japanese_vowels(subset="test")
    np.testing.assert_array_equal(np.bincount(train.target), [30] * 9)
    np.testing.assert_array_equal(np.bincount(test.target), [31, 35, 88, 44, 29, 24, 40, 50, 29])
    assert len(train.data) == len(train.target) == 270
    assert len(test.data) == len(test.target) == 370


def test_all_is_train_then_test():
    train, test, both = (load_japanese_vowels(subset=subset) for subset in ("train", "test", "all"))
    np.testing.assert_array_equal(both.target, np.concatenate([train.target, test.target]))
    assert len(both.data) == 640
    for expected, sequence in zip(train.data + test.data, both.data, strict=True):
        np.testing.assert_array_equal(sequence, expected)


def test_sequences_are_ragged():
    X, y = load_japanese_vowels(return_X_y=True)
    lengths = [len(sequence) for sequence in X]
    assert isinstance(X, list)
    assert (min(lengths), max(lengths), sum(lengths)) == (7, 29, 9961)
    assert {sequence.shape[1:] for sequence in X} == {(12,)}
    assert {sequence.dtype for sequence in X} == {np.dtype(np.float64)}
    assert y.dtype == np.int64


def test_values_are_exactly_those_of_the_original():
    """The digest was taken from the original text files, parsed by another library."""
    X, _ = load_japanese_vowels(return_X_y=True)
    expected = [1.860936, -0.207383, 0.261557, -0.214562, -0.171253, -0.118167]
    assert X[0][0, :6].tolist() == expected
    values = np.concatenate(X).astype("<f8")
    assert (
        hashlib.sha256(values.tobytes()).hexdigest()
        == "ca43c43ffb87230ce889ee8b3418f39aff1aef95fdbfdb00460ac0864ab17b43"
    )


def test_sequences_own_their_memory():
    """A view would keep, and pickle, all 640 utterances."""
    X, _ = load_japanese_vowels(return_X_y=True)
    assert all(sequence.base is None for sequence in X)


def test_names_and_description():
    vowels = load_japanese_vowels()
    assert len(vowels.feature_names) == 12
    assert len(vowels.target_names) == 9
    assert "10.24432/C5NS47" in vowels.DESCR
    assert "CC BY 4.0" in vowels.DESCR


@pytest.mark.parametrize("subset", ["validation", None, 1])
def test_unknown_subset_is_an_error(subset):
    with pytest.raises(ValueError, match=r"subset is .*; expected one of \['all', 'train', 'test'\]"):
        load_japanese_vowels(subset=subset)
