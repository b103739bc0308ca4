"""The Japanese vowels: utterances of different lengths, to be classified by speaker."""

from importlib import resources
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

_N_TRAIN = 270
_SUBSETS = {"all": slice(None), "train": slice(_N_TRAIN), "test": slice(_N_TRAIN, None)}
_N_SPEAKERS = 9
_N_COEFFICIENTS = 12
_MICRO = 1e6

_DESCRIPTION = """\
Japanese vowels
===============

Number of samples: 640, of which 270 are the official training set and 370 the test set
Timesteps of a sample: 7 to 29
Features of a timestep: 12 LPC cepstrum coefficients
Classes: 9 speakers, 30 training samples each, 24 to 88 test samples
Missing values: none

Nine male speakers uttered the two Japanese vowels /ae/ one after another. A linear prediction analysis of
degree 12 turned each utterance into a series of 12 coefficients. The task is to identify the speaker.

Kudo, M., Toyama, J., Shimbo, M. (1999). Japanese Vowels [Dataset]. UCI Machine Learning Repository.
https://doi.org/10.24432/C5NS47. Licensed under CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/).
Changed here: the speakers are counted from 0 instead of 1.
"""


def load_japanese_vowels(
    *, subset: Literal["all", "train", "test"] = "all", return_X_y: bool = False
) -> Bunch | tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
    """
    Load the Japanese vowels: 640 utterances of 7 to 29 timesteps, to be classified by speaker.

    Nine male speakers uttered the two Japanese vowels /ae/ one after another. A linear prediction analysis of
    degree 12 turned each utterance into a series of 12 cepstrum coefficients [1]_. The utterances have different
    lengths and are neither padded nor truncated.

    The file ships with the package; nothing is downloaded or cached.

    Parameters
    ----------
    subset : {"all", "train", "test"}, default="all"
        Which part of the official split to load: the 270 training sequences, the 370 test
        sequences, or all 640, the training sequences first.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : Bunch
        Dictionary-like object with the following attributes.

        data : list of ndarray of shape (n_timesteps, 12), float64
            The utterances, `n_timesteps` from 7 to 29.
        target : ndarray of shape (n_samples,), int64
            The speaker of each utterance, 0 to 8 (1 to 9 in the original), an index into `target_names`.
        feature_names : list of str
            The names of the 12 features of a timestep.
        target_names : list of str
            The names of the nine speakers.
        DESCR : str
            Where the data come from.

    (data, target) : tuple, if `return_X_y` is True
        Two of the attributes above.

    Raises
    ------
    ValueError
        If `subset` is invalid.

    Notes
    -----
    Source: Kudo, Toyama and Shimbo, UCI Machine Learning Repository [2]_, licensed under CC BY 4.0
    (https://creativecommons.org/licenses/by/4.0/). Changed here: the speakers are counted from 0.

    Both the training and the test sequences are sorted by speaker: shuffle or stratify if you split them further.

    References
    ----------
    .. [1] Kudo, M., Toyama, J., Shimbo, M. (1999). Multidimensional curve classification using
       passing-through regions. Pattern Recognition Letters 20(11-13), 1103-1111.
       https://doi.org/10.1016/S0167-8655(99)00077-X
    .. [2] Kudo, M., Toyama, J., Shimbo, M. (1999). Japanese Vowels [Dataset]. UCI Machine Learning
       Repository. https://doi.org/10.24432/C5NS47

    Examples
    --------
    >>> from skrnn.datasets import load_japanese_vowels
    >>> X_train, y_train = load_japanese_vowels(subset="train", return_X_y=True)
    >>> len(X_train), y_train.shape
    (270, (270,))
    >>> X_train[0].shape, X_train[1].shape
    ((20, 12), (26, 12))
    >>> load_japanese_vowels(subset="test").target_names[:2]
    ['speaker_1', 'speaker_2']
    """
    if subset not in _SUBSETS:
        raise ValueError(f"subset is {subset!r}; expected one of {list(_SUBSETS)}.")
    sequences, speakers = _read_utterances()
    data, target = sequences[_SUBSETS[subset]], speakers[_SUBSETS[subset]]
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        feature_names=[f"lpc_cepstrum_{i + 1}" for i in range(_N_COEFFICIENTS)],
        target_names=[f"speaker_{i + 1}" for i in range(_N_SPEAKERS)],
        DESCR=_DESCRIPTION,
    )


def _read_utterances() -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
    """Return all 640 utterances, (n_timesteps, 12) each, and their speakers (640,)."""
    path = resources.files("skrnn.datasets") / "data" / "japanese_vowels.npz"
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        # Six decimals in the original: the division rounds to the same float as parsing the text.
        timesteps = arrays["micro_coefficients"] / _MICRO
        ends = np.cumsum(arrays["n_timesteps"], dtype=np.int64)
        speakers = arrays["target"].astype(np.int64)
    # Copies, because a view of one utterance would keep all of them in memory, and in a pickle.
    return [sequence.copy() for sequence in np.split(timesteps, ends[:-1])], speakers
