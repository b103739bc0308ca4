"""A transformer that applies another transformer to the timesteps of sequences."""

from collections.abc import Callable
from typing import Any, Self

import sklearn
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skrnn._inputs._parameters import describe
from skrnn.estimators._interruption import whole_fits
from skrnn.preprocessing._timesteps import Timesteps, is_of_samples


def _inner_has(method: str) -> Callable[[Any], bool]:
    """Return the check for `available_if` whether the inner transformer has a method; else it raises AttributeError."""

    def check(outer: Any) -> bool:
        getattr(getattr(outer, "transformer_", outer.transformer), method)
        return True

    return check


@whole_fits
class SequenceTransformer(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Apply a transformer to the timesteps of sequences.

    The transformer is fitted to one table with the timesteps of all sequences, and applied to each timestep. The output
    has the format of the input. So scaling, imputation, encoding of events, PCA or a
    :class:`~sklearn.compose.ColumnTransformer` can be a step of a pipeline before the network, and their parameters can
    be tuned, such as ``sequencetransformer__transformer__n_components``.

    Parameters
    ----------
    transformer : estimator with `fit` and `transform`
        A transformer of tables whose output has one row per row of the input. A clone of it is fitted. It may be a
        pipeline of several transformers.

    Attributes
    ----------
    transformer_ : estimator
        The clone that was fitted to the timesteps.
    n_features_in_ : int
        Number of features of a timestep as seen by :meth:`fit`; of a 2-D `X` the number of columns, its timesteps.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns. Defined only when `X` was a list of data frames, or a data frame, whose columns all have
        strings as names.

    See Also
    --------
    SlidingWindow : Windows of a series, before which transformers of tables work directly.
    to_sequences : Sequences from a long table.

    Notes
    -----
    **Masked timesteps.** A timestep that is missing (NaN, None) in *every* feature is masked, as in the estimators:
    it is not passed to the transformer, and it is NaN in every feature of the output. A timestep that is missing in
    *some* features is passed to the transformer unchanged, so that :class:`~sklearn.impute.SimpleImputer` can fill it.

    **2-D input.** As in the estimators, a row of a 2-D `X` is a sequence of one feature, and each column a timestep.
    The output is 3-D, whatever its number of features. So a 2-D array of strings, or a list of lists of strings,
    contains sequences of events. A table with both strings and numbers raises an error. A table whose rows are the
    timesteps of one series needs no `SequenceTransformer`: transform it before :class:`SlidingWindow`.

    **Targets and other metadata.** A value per sequence, in `y` or in weights, is repeated for each of its timesteps;
    values per timestep, in the format of `X`, are not changed. With
    ``sklearn.set_config(enable_metadata_routing=True)``, weights are passed to the transformer if it requests them:
    ``SequenceTransformer(StandardScaler().set_fit_request(sample_weight=True))``. Without routing, all arguments of
    `fit` are passed to it.

    **Output.** Sparse matrices and data frames are converted to dense arrays, which networks require. There is no
    `set_output`, because a list of sequences has no columns.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import OneHotEncoder, StandardScaler
    >>> from skrnn.preprocessing import SequenceTransformer
    >>> X = [np.array([[1.0], [3.0]]), np.array([[5.0]])]
    >>> SequenceTransformer(StandardScaler(with_std=False)).fit_transform(X)
    [array([[-2.],
           [ 0.]]), array([[2.]])]

    Sequences of events, one per timestep:

    >>> encoder = SequenceTransformer(OneHotEncoder(handle_unknown="ignore"))
    >>> encoder.fit_transform([["login", "buy"], ["login", "search", "buy"]])[0]
    array([[0., 1., 0.],
           [1., 0., 0.]])
    >>> encoder.get_feature_names_out(["event"])
    array(['event_buy', 'event_login', 'event_search'], dtype=object)

    In a grid search:

    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import RNNClassifier
    >>> from skrnn.datasets import load_japanese_vowels
    >>> X, y = load_japanese_vowels(subset="train", return_X_y=True)
    >>> network = RNNClassifier((4,), solver="lbfgs", tol=0.05, random_state=0)
    >>> model = make_pipeline(SequenceTransformer(PCA()), network)
    >>> grid = {"sequencetransformer__transformer__n_components": [1, 6]}
    >>> GridSearchCV(model, grid, cv=2).fit(X, y).best_params_
    {'sequencetransformer__transformer__n_components': 6}
    """

    def __init__(self, transformer: Any) -> None:
        self.transformer = transformer

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fit the transformer to the timesteps of all sequences.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps), or list
            Sequences: a 3-D array; a list, tuple or 1-D object array of arrays, lists or data frames
            (n_timesteps, n_features) or of arrays or lists (n_timesteps,); or a 2-D array of sequences of one
            feature. Any dtype that the transformer accepts.
        y : array-like of shape (n_samples, ...), or list, default=None
            Targets, for transformers that use them: one per sequence, or one per timestep.
        **params : dict
            Other arguments of the transformer's `fit`; those with one value per sequence or per timestep, such as
            `sample_weight`, are treated like `y`.

        Returns
        -------
        SequenceTransformer
            The fitted transformer itself.

        Raises
        ------
        TypeError
            If `transformer` is not a transformer, or `X` is sparse.
        ValueError
            If `X` is empty, has a sequence without timesteps, or sequences with different features; or if all timesteps
            are masked. The transformer may raise other errors.
        """
        self._fit(X, y, params, "fit")
        return self

    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit the transformer to the timesteps of all sequences, and apply its `fit_transform`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps), or list
            As for :meth:`fit`.
        y : array-like of shape (n_samples, ...), or list, default=None
            As for :meth:`fit`.
        **params : dict
            As for :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps, n_features_out), or list or object array
            As from :meth:`transform`. The errors are those of :meth:`fit`.
        """
        return self._fit(X, y, params, "fit_transform")

    def transform(self, X: Any, **params: Any) -> Any:
        """Apply the transformer to each timestep.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps), or list
            Sequences, as for :meth:`fit`, with the same features.
        **params : dict
            Other arguments of the transformer's `transform`, from metadata routing.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps, n_features_out), or list or object array
            The transformed sequences: an array for an array, a list or an object array of arrays
            (n_timesteps, n_features_out) for a list or an object array. Masked timesteps are NaN.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        TypeError
            If `X` is sparse.
        ValueError
            As in :meth:`fit`; if the features differ from those of `fit`; or if the output of the transformer does not
            have one row per timestep.
        """
        timesteps = Timesteps.read_as_fitted(X, self)
        arguments = self._arguments("transform", params, timesteps)
        return timesteps.restore(self.transformer_.transform(timesteps.valid(), **arguments), self.transformer_)

    @available_if(_inner_has("inverse_transform"))
    def inverse_transform(self, X: Any, **params: Any) -> Any:
        """Apply the transformer's `inverse_transform` to each timestep.

        Available only if the transformer has it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features_out), or list
            Sequences as :meth:`transform` returns them.
        **params : dict
            Other arguments of the transformer's `inverse_transform`, from metadata routing.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps, n_features), or list or object array
            Sequences in the format of `X`, as arrays. Masked timesteps are NaN.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        ValueError
            If `X` is empty, or has other features than the output of :meth:`transform`.
        """
        check_is_fitted(self)
        timesteps = Timesteps.read(X, self)
        arguments = self._arguments("inverse_transform", params, timesteps)
        return timesteps.restore(self.transformer_.inverse_transform(timesteps.valid(), **arguments), self.transformer_)

    @available_if(_inner_has("get_feature_names_out"))
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Name the features of a timestep of the output.

        Available only if the transformer has it.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Names of the features of a timestep, passed to the transformer.

        Returns
        -------
        ndarray of str objects of shape (n_features_out,)
            The names returned by the transformer.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        """
        check_is_fitted(self)
        return self.transformer_.get_feature_names_out(input_features)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the router that passes metadata to the transformer.

        Returns
        -------
        MetadataRouter
            A :class:`~sklearn.utils.metadata_routing.MetadataRouter` to the transformer's methods of the same names.
        """
        mapping = MethodMapping()
        for method in ("fit", "transform", "fit_transform", "inverse_transform"):
            mapping = mapping.add(caller=method, callee=method)
        return MetadataRouter(owner=self).add(transformer=self.transformer, method_mapping=mapping)

    def _fit(self, X: Any, y: Any, params: dict[str, Any], method: str) -> Any:
        """Fit a clone with `fit` or `fit_transform`, and return the sequences from the latter."""
        _check_transformer(self.transformer)
        timesteps = Timesteps.read(X, self)
        arguments = self._arguments(method, params, timesteps)
        targets = None if y is None else timesteps.lay_out(y, "y")
        transformer = clone(self.transformer)
        values = getattr(transformer, method)(timesteps.valid(), targets, **arguments)
        sequences = timesteps.restore(values, transformer) if method == "fit_transform" else None
        timesteps.let_learn(self, X)
        self.transformer_ = transformer
        return sequences

    def _arguments(self, method: str, params: dict[str, Any], timesteps: Timesteps) -> dict[str, Any]:
        """Return the arguments for a method of the transformer; values of sequences are repeated for timesteps."""
        is_routed = sklearn.get_config()["enable_metadata_routing"]
        arguments = process_routing(self, method, **params).transformer[method] if is_routed else params
        n_samples = len(timesteps.lengths)
        return {
            name: timesteps.lay_out(value, name) if is_of_samples(value, n_samples) else value
            for name, value in arguments.items()
        }

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that masked timesteps are allowed, and whatever the transformer accepts."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        if hasattr(self.transformer, "__sklearn_tags__"):
            inner = get_tags(self.transformer)
            tags.input_tags.string, tags.input_tags.categorical = inner.input_tags.string, inner.input_tags.categorical
            tags.target_tags.required = inner.target_tags.required
            tags.transformer_tags, tags.non_deterministic = inner.transformer_tags, inner.non_deterministic
        return tags


def _check_transformer(transformer: Any) -> None:
    """Raise TypeError unless it is a transformer."""
    methods = ("get_params", "fit", "transform", "fit_transform")
    if isinstance(transformer, type) or not all(hasattr(transformer, method) for method in methods):
        raise TypeError(
            f"{describe('transformer', transformer)}; expected an instance of a scikit-learn transformer, with fit, "
            "transform and fit_transform."
        )
