"""Real data that come with the package: yearly sunspot numbers, and Japanese vowels of nine speakers."""

from importlib import resources
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

_FEATURE_NAME = "sunspots"
_TARGET_NAME = "sunspots_next_year"

_SUNSPOTS = """\
Yearly mean sunspot numbers
===========================

Number of samples: 308
Feature: sunspots, the mean sunspot number of a year, 1700 to 2007
Target: sunspots_next_year, the mean sunspot number of the year after, 1701 to 2008
Missing values: none

From the National Geophysical Data Center of the United States, public domain. The numbers are those
from before the recalibration of 2015 (https://doi.org/10.1007/s11214-014-0074-2), hence the ones that the
literature up to then reports on.

By custom: fit on the years up to 1920, test on 1921 to 1955 and, harder, on 1956 to 1979
(Weigend, Huberman, Rumelhart, 1990, International Journal of Neural Systems 1(3), 193-209).
"""


def load_sunspots(*, return_X_y: bool = False, as_frame: bool = False) -> Bunch | tuple[Any, Any]:
    """
    Load the yearly sunspot numbers: from one year's number to the next year's.

    The activity of the sun varies in cycles of about eleven years, with different lengths and heights. The series of
    309 yearly means has been a standard test of forecasting methods since Yule [1]_ invented the autoregressive model
    for it. Rows are in chronological order; put a ``SlidingWindow`` before an estimator to give it more than one year
    of history.

    The file ships with the package; nothing is downloaded or cached.

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        If True, the data are a pandas DataFrame and the target is a pandas Series, both indexed by the year of the data
        row. Requires pandas.

    Returns
    -------
    data : Bunch
        Dictionary-like object with the following attributes.

        data : ndarray of shape (308, 1), float64, or DataFrame
            The mean sunspot number of each year from 1700 to 2007.
        target : ndarray of shape (308,), float64, or Series
            The mean sunspot number of the year after, 1701 to 2008.
        years : ndarray of shape (308,), int64
            The year of each row of ``data``.
        target_years : ndarray of shape (308,), int64
            The year of each entry of ``target``, always ``years + 1``.
        feature_names : list of str
            The name of the column of ``data``.
        frame : DataFrame of shape (308, 2) or None
            Data and target in one table; None unless `as_frame` is True.
        DESCR : str
            Description of the data.

    (data, target) : tuple, if `return_X_y` is True
        Two of the attributes above.

    Raises
    ------
    ImportError
        If `as_frame` is True and pandas is not installed.

    Notes
    -----
    Source: National Geophysical Data Center of the United States, public domain, via statsmodels. The numbers are those
    before the recalibration of 2015 [2]_. Usually [3]_, models are fitted on the years up to 1920 and tested on 1921 to
    1955 and, harder, on 1956 to 1979.

    References
    ----------
    .. [1] Yule, G. U. (1927). On a method of investigating periodicities in disturbed series, with special
       reference to Wolfer's sunspot numbers. Philosophical Transactions of the Royal Society A 226,
       267-298. https://doi.org/10.1098/rsta.1927.0007
    .. [2] Clette, F., Svalgaard, L., Vaquero, J. M., Cliver, E. W. (2014). Revisiting the sunspot number.
       Space Science Reviews 186, 35-103. https://doi.org/10.1007/s11214-014-0074-2
    .. [3] Weigend, A. S., Huberman, B. A., Rumelhart, D. E. (1990). Predicting the future: a connectionist
       approach. International Journal of Neural Systems 1(3), 193-209.

    Examples
    --------
    >>> from skrnn.datasets import load_sunspots
    >>> sunspots = load_sunspots()
    >>> sunspots.data.shape, sunspots.target.shape
    ((308, 1), (308,))
    >>> int(sunspots.target_years[sunspots.target.argmax()])
    1957

    Train on the years up to 1920, and test on the later ones:

    >>> X, y = load_sunspots(return_X_y=True)
    >>> is_train = sunspots.target_years <= 1920
    >>> X[is_train].shape, X[~is_train].shape
    ((220, 1), (88, 1))
    """
    years, sunspots = _read_series()
    # Copies, because with views of one series a change of the data in place would change the target.
    data, target, frame = sunspots[:-1, np.newaxis].copy(), sunspots[1:].copy(), None
    if as_frame:
        data, target, frame = _as_pandas(data, target, years[:-1])
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        years=years[:-1].copy(),
        target_years=years[1:].copy(),
        feature_names=[_FEATURE_NAME],
        frame=frame,
        DESCR=_SUNSPOTS,
    )


def _read_series() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the years (309,) and the sunspot numbers (309,) from the file."""
    path = resources.files("skrnn.datasets") / "data" / "sunspots.csv"
    with path.open(encoding="utf-8") as file:
        years, sunspots = np.loadtxt(file, delimiter=",", skiprows=1, unpack=True)
    return years.astype(np.int64), sunspots.copy()


def _as_pandas(
    data: NDArray[np.float64], target: NDArray[np.float64], years: NDArray[np.int64]
) -> tuple[Any, Any, Any]:
    """Return data (n, 1), target (n,) and both together as pandas objects indexed by year."""
    import pandas as pd

    index = pd.Index(years, name="year")
    frame = pd.DataFrame({_FEATURE_NAME: data[:, 0], _TARGET_NAME: target}, index=index)
    return frame[[_FEATURE_NAME]], frame[_TARGET_NAME], frame


_N_TRAIN = 270
_SUBSETS = {"all": slice(None), "train": slice(_N_TRAIN), "test": slice(_N_TRAIN, None)}
_N_SPEAKERS = 9
_N_COEFFICIENTS = 12
_MICRO = 1e6

_JAPANESE_VOWELS = """\
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
        DESCR=_JAPANESE_VOWELS,
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
