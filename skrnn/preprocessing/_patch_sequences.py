"""A transformer that merges consecutive timesteps into patches."""

from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skrnn._inputs._parameters import check_count
from skrnn._inputs._values import as_array
from skrnn.estimators._interruption import whole_fits
from skrnn.estimators._sequence_format import among_gaps, in_form, is_list_of_arrays
from skrnn.preprocessing._timesteps import Timesteps


@whole_fits
class PatchSequences(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Merge consecutive timesteps of sequences into patches by concatenating their features.

    A network that reads ten timesteps at a time has to remember, and compute, a tenth of the steps. On long sequences
    with few features this can decide whether it learns at all [1]_.

    Parameters
    ----------
    size : int
        Number of timesteps per patch.
    stride : int or None, default=None
        Timesteps between the starts of consecutive patches, at most `size`; if less, patches overlap. None: `size`.

    Attributes
    ----------
    n_features_in_ : int
        Number of features of a timestep as seen by :meth:`fit`; of a 2-D `X` the number of columns, its timesteps.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns. Defined only when `X` was a list of data frames, or a data frame, whose columns all have
        strings as names.

    See Also
    --------
    SlidingWindow : Windows of a series, from which patches can be made.
    SequenceTransformer : Any transformer on each timestep, for example to scale before making patches.

    Notes
    -----
    **Alignment.** Patches are counted from the end of each sequence, so the last patch contains its last `size`
    timesteps. If the first patch would be incomplete, it is padded by repeating the first timestep. A sequence of fewer
    than `size` timesteps is one patch. No timestep is lost.

    **Masked timesteps.** A timestep that is missing (NaN, None) in *every* feature is masked, as in the estimators.
    Masked timesteps are removed before making patches, so a list and an array padded with NaN at either end give the
    same patches. In an array, sequences with fewer patches begin with masked patches. A timestep that is missing in
    *some* features is kept; networks do not accept it, so impute before.

    **2-D input.** As in the estimators, a row of a 2-D `X` is a sequence of one feature. The output is 3-D.

    **Views.** For an array without masks or incomplete patches, the output is a read-only view, otherwise a copy.

    **Targets at each timestep** can be turned into patches with another `PatchSequences`: an array (n_samples,
    n_timesteps) becomes (n_samples, n_patches, size), targets for a regressor with ``return_sequences=True``.
    :meth:`inverse_transform` turns its predictions back into timesteps.

    References
    ----------
    .. [1] Y. Nie, N. H. Nguyen, P. Sinthong, J. Kalagnanam, "A time series is worth 64 words: long-term forecasting
       with transformers", ICLR 2023, arXiv:2211.14730.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn.preprocessing import PatchSequences
    >>> X = np.arange(6.0).reshape(1, 6, 1)
    >>> PatchSequences(3).fit_transform(X)
    array([[[0., 1., 2.],
            [3., 4., 5.]]])
    >>> PatchSequences(4).fit_transform(X)  # only two timesteps remain for the first patch
    array([[[0., 0., 0., 1.],
            [2., 3., 4., 5.]]])
    >>> PatchSequences(4, stride=2).fit_transform(X)
    array([[[0., 1., 2., 3.],
            [2., 3., 4., 5.]]])

    In a grid search:

    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import RNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> t, y = np.arange(60), rng.integers(0, 2, 40)
    >>> X = np.sin(t / np.where(y, 4.0, 5.0)[:, np.newaxis] + rng.uniform(0.0, 6.0, (40, 1)))
    >>> network = RNNClassifier((4,), solver="lbfgs", tol=0.02, random_state=0)
    >>> model = make_pipeline(PatchSequences(10), network)
    >>> search = GridSearchCV(model, {"patchsequences__size": [10, 20]}, cv=2).fit(X, y)
    >>> search.best_params_
    {'patchsequences__size': 20}
    """

    def __init__(self, size: int, stride: int | None = None) -> None:
        self.size = size
        self.stride = stride

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the features of a timestep.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps), or list
            Sequences: a 3-D array; a list, tuple or 1-D object array of arrays, lists or data frames
            (n_timesteps, n_features) or of arrays or lists (n_timesteps,); or a 2-D array of sequences of one
            feature.
        y : None
            Ignored.

        Returns
        -------
        PatchSequences
            The fitted transformer itself.

        Raises
        ------
        TypeError
            If `size` or `stride` is not an integer, or `X` is sparse.
        ValueError
            If they are out of range; or if `X` is empty, has a sequence without timesteps, or sequences with different
            features.
        """
        self._strides()
        Timesteps.read(X, self).let_learn(self, X)
        return self

    def transform(self, X: Any) -> Any:
        """Make patches.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps), or list
            Sequences, as for :meth:`fit`, with the same features.

        Returns
        -------
        ndarray of shape (n_samples, n_patches, size * n_features), or list or object array
            Patches, with the features of one timestep after another: an array for an array, a list or an object array
            of arrays (n_patches, size * n_features) for a list or an object array. A sequence with only masked
            timesteps is one masked patch.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        TypeError, ValueError
            As in :meth:`fit`; or if the features differ from those of `fit`.
        """
        timesteps = Timesteps.read_as_fitted(X, self)
        size, stride = self._strides()
        if timesteps.kind == "array" and timesteps.is_valid.all():
            view = view_patches(timesteps.values, size, stride)
            if view is not None:
                return view
        patches = Patches(timesteps.n_valid, size, stride)
        values = np.asarray(timesteps.table)[timesteps.is_valid][patches.timesteps()]
        values = values.reshape(len(values), size * values.shape[2])
        counts = self._counts(timesteps)
        is_there = _last_of(patches.counts, counts)
        return in_form(among_gaps(values, is_there), counts, timesteps.kind)

    def inverse_transform(self, X: Any, sequences: Any = None) -> Any:
        """Return for each timestep its value in the first patch that contains it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_patches, size * n_values) or (n_samples, n_patches), or list
            Values of patches, such as predictions of a network with ``return_sequences=True``: `n_values` per timestep
            of a patch, in the order of :meth:`transform`; or, with one axis less, one value per patch, which is
            repeated for its timesteps. A list has one array per sequence.
        sequences : array-like or list, default=None
            The sequences that the patches were made from, in any format; they determine the number of timesteps, and
            which are masked. None: all patches are complete, and repeated timesteps are not removed.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps, n_values) or (n_samples, n_timesteps), or list or object array
            Values of timesteps in the format of `sequences`, or of `X`. Masked timesteps are NaN.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        ValueError
            If the number of values per patch is not a multiple of `size`, or the number of patches does not match
            `sequences`.

        Examples
        --------
        >>> import numpy as np
        >>> from skrnn.preprocessing import PatchSequences
        >>> X = [np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0])]
        >>> patches = PatchSequences(2).fit(X)
        >>> patches.inverse_transform([np.array(["slow", "fast"]), np.array(["slow"])], X)
        [array(['slow', 'fast', 'fast'], dtype='<U4'), array(['slow', 'slow'], dtype='<U4')]
        """
        check_is_fitted(self)
        size, stride = self._strides()
        values, counts, kind = _read_values(X, size)
        if sequences is None:
            lengths = size + (counts - 1) * stride
            is_valid, n_valid = np.ones(int(lengths.sum()), dtype=np.bool_), lengths
        else:
            timesteps = Timesteps.read_as_fitted(sequences, self)
            lengths, is_valid, n_valid, kind = timesteps.lengths, timesteps.is_valid, timesteps.n_valid, timesteps.kind
            expected = self._counts(timesteps)
            if counts.tolist() != expected.tolist():
                raise ValueError(
                    f"X has {counts.tolist()} patches; expected {expected.tolist()} for `sequences` with size={size} "
                    f"and stride={stride}."
                )
        patches = Patches(n_valid, size, stride)
        numbers, places = patches.places()
        of_timesteps = values[_last_of(patches.counts, counts)][numbers, places]
        return in_form(among_gaps(of_timesteps, is_valid), lengths, kind)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Name the features of a patch.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features_in_,), default=None
            Names of the features of a timestep. None: `feature_names_in_`, or ``x0, x1, ...`` if it is not defined. For
            a 2-D `X` the only feature is ``x0``.

        Returns
        -------
        ndarray of str objects of shape (size * n_features,)
            Oldest timestep first, as in :class:`SlidingWindow`: ``x0_t-1, x1_t-1, x0, x1``.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        ValueError
            If `input_features` does not match the features seen by :meth:`fit`.
        """
        check_is_fitted(self)
        names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)  # which checks `input_features`
        names = ["x0"] if self._columns_are_timesteps else names
        size, _ = self._strides()
        lags = range(size - 1, -1, -1)
        return np.array([f"{name}_t-{lag}" if lag else name for lag in lags for name in names], dtype=object)

    def _strides(self) -> tuple[int, int]:
        """Return size and stride, or raise if they are invalid."""
        check_count("size", self.size)
        stride = self.size if self.stride is None else self.stride
        check_count("stride", stride)
        if stride > self.size:
            raise ValueError(
                f"stride is {stride}, but size is {self.size}; expected stride <= size, otherwise timesteps between "
                "patches would be lost."
            )
        return int(self.size), int(stride)

    def _counts(self, timesteps: Timesteps) -> NDArray[np.integer]:
        """Return the number of patches per sequence, including masked ones: in an array, as if none were masked."""
        lengths = timesteps.lengths if timesteps.kind == "array" else np.maximum(timesteps.n_valid, 1)
        return Patches(lengths, *self._strides()).counts

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that masked timesteps and values of any kind are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = tags.input_tags.categorical = True
        return tags


def _last_of(n_last: NDArray[np.integer], counts: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return for each sequence which of its `counts` entries are the last `n_last`, concatenated."""
    from_end = np.repeat(np.cumsum(counts), counts) - np.arange(counts.sum())
    return from_end <= np.repeat(n_last, counts)


def _read_values(X: Any, size: int) -> tuple[NDArray[Any], NDArray[np.integer], str]:
    """Return values of all patches, (n_patches of all, size[, n_values]), numbers of patches, and the kind of X."""
    if is_list_of_arrays(X):
        kind, entries = "object array" if hasattr(X, "dtype") else "list", [as_array(entry) for entry in X]
        values, counts = np.concatenate(entries), np.array([len(entry) for entry in entries])
    else:
        array = as_array(X)
        if array.ndim not in (2, 3):
            raise ValueError(
                f"X has shape {array.shape}; expected (n_samples, n_patches, size * n_values), (n_samples, n_patches) "
                "or a list."
            )
        kind, counts = "array", np.full(len(array), array.shape[1])
        values = array.reshape(-1, *array.shape[2:])
    if values.ndim == 1:
        return np.broadcast_to(values[:, np.newaxis], (len(values), size)), counts, kind
    if values.ndim != 2 or values.shape[1] % size or not values.shape[1]:
        raise ValueError(
            f"X has values of shape {values.shape[1:]} per patch; expected a multiple of size={size}, or one value."
        )
    return values.reshape(len(values), size, -1), counts, kind


@final
class Patches:
    """Patches of `size` timesteps each, of which the last one of a sequence ends with the sequence.

    Consecutive patches start `stride` timesteps apart. The first patch of a sequence begins with its first timestep,
    which is repeated if the patch would be incomplete. `lengths`, (n_samples,), are the numbers of timesteps of the
    sequences, which may be zero, and `counts`, (n_samples,), their numbers of patches; `stride` is at most `size`.
    """

    def __init__(self, lengths: NDArray[np.integer], size: int, stride: int) -> None:
        self.lengths, self.size, self.stride = lengths, size, stride
        n_more = np.maximum(-((size - lengths) // stride), 0)  # (lengths - size) / stride, rounded up
        self.counts = np.where(lengths > 0, 1 + n_more, 0)

    @property
    def n_repeated(self) -> NDArray[np.integer]:
        """How often the first timestep of each sequence is repeated, (n_samples,)."""
        return self.size + (self.counts - 1) * self.stride - self.lengths

    def timesteps(self) -> NDArray[np.integer]:
        """Return the indices of the timesteps of all patches, (n_patches of all, size), one sequence after another."""
        starts = np.repeat(np.cumsum(self.lengths) - self.lengths, self.counts)
        firsts = starts + self.stride * _ranks(self.counts) - np.repeat(self.n_repeated, self.counts)
        return np.maximum(firsts[:, np.newaxis] + np.arange(self.size), starts[:, np.newaxis])

    def places(self) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """Return the patch of each timestep of all sequences, and its position in that patch.

        Patches are numbered one sequence after another. If several contain a timestep, it is the first of them.
        """
        places = _ranks(self.lengths) + np.repeat(self.n_repeated, self.lengths)
        patches = np.maximum((places - self.size) // self.stride + 1, 0)
        first_patches = np.repeat(np.cumsum(self.counts) - self.counts, self.lengths)
        return first_patches + patches, places - self.stride * patches


def _ranks(counts: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return 0, 1, ... up to each count, one after another."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def view_patches(X: NDArray[Any], size: int, stride: int) -> NDArray[Any] | None:
    """View X, (n_samples, n_timesteps, n_features), as patches, (n_samples, n_patches, size * n_features), read-only.

    None if the first patch would be incomplete, or consecutive timesteps are not adjacent in memory.
    """
    n_samples, n_timesteps, n_features = X.shape
    by_sample, by_timestep, by_feature = X.strides
    by_feature = by_timestep if n_features == 1 else by_feature
    if n_timesteps < size or (n_timesteps - size) % stride or by_timestep != n_features * by_feature:
        return None
    shape = n_samples, (n_timesteps - size) // stride + 1, size * n_features
    strides = by_sample, stride * by_timestep, by_feature
    return np.lib.stride_tricks.as_strided(X, shape, strides, writeable=False)
