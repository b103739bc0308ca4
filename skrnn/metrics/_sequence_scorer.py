"""A scorer for targets at every timestep, made from one of scikit-learn's scorers for one target per sample."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any, final

import numpy as np
from sklearn.metrics import check_scoring, get_scorer
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.metaestimators import available_if

from skrnn._inputs._messages import naming, settings_unchanged_on_error
from skrnn._inputs._values import as_array, check_weights, find_missing, from_objects, refuse_masked


def make_sequence_scorer(scoring: str | Callable[..., Any]) -> "SequenceScorer":
    """Make a scorer for targets at every timestep from a scorer for one target per sample.

    Targets and predictions of all samples are concatenated, without masked timesteps and those without a target, and
    scored by `scoring` as if each timestep were a sample, so long sequences count for more than short ones.

    Parameters
    ----------
    scoring : str or callable
        Name of a scikit-learn scorer, such as "neg_mean_absolute_error" or "f1_macro", or a scorer: the result of
        :func:`~sklearn.metrics.make_scorer`, or any callable ``scorer(estimator, X, y)``.

    Returns
    -------
    callable
        The scorer, ``scorer(estimator, X, y, sample_weight=None)``, to be passed as `scoring` to
        :func:`~sklearn.model_selection.cross_val_score`, :class:`~sklearn.model_selection.GridSearchCV` etc., alone or
        in a dict of several scorers. It raises a ValueError if `y` or `sample_weight` does not match the predictions,
        or if no timestep is left to score.

    Raises
    ------
    TypeError
        If `scoring` is neither a string nor callable.
    ValueError
        If `scoring` is not the name of a scorer, or is a metric instead of a scorer (see
        :func:`~sklearn.metrics.make_scorer`).

    See Also
    --------
    sklearn.metrics.make_scorer : Make a scorer from a metric.
    sklearn.metrics.get_scorer_names : The names of all scorers.

    Notes
    -----
    The scorer accepts `y` in the same formats as a recurrent estimator with ``return_sequences=True``: an array
    (n_samples, n_timesteps) or (n_samples, n_timesteps, n_outputs), or a list or 1-D object array of arrays
    (n_timesteps,) or (n_timesteps, n_outputs) whose lengths differ. A target that is NaN or None is missing. A timestep
    counts if its prediction is not NaN in every output, and if every output has a target.

    `sample_weight` has one weight per sample, (n_samples,), which applies to each of its timesteps, or one per
    timestep, in the formats of `y`.

    Targets with one value per sample, (n_samples,), are passed to `scoring` unchanged, with the estimator itself.
    Several outputs per sample, (n_samples, n_outputs), would be interpreted as timesteps: use `scoring` directly for
    them.

    A callable receives a stand-in for the estimator, which has `predict`, `predict_proba`, `predict_log_proba` and
    `classes_` if the estimator has them, and the estimator itself as `estimator`. It predicts only for the timesteps
    that count, (n_valid,) or (n_valid, n_outputs), and only for the given X. The estimator predicts once to find these
    timesteps, and once more if the metric needs probabilities.

    For a classifier, pass a splitter such as ``KFold(5)`` as `cv`: with a number, scikit-learn stratifies by class, and
    fails if a target is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator, RegressorMixin
    >>> from sklearn.model_selection import cross_val_score
    >>> from skrnn.metrics import make_sequence_scorer
    >>> class Echo(RegressorMixin, BaseEstimator):
    ...     "Predict the first feature of each timestep."
    ...     def fit(self, X, y):
    ...         return self
    ...     def predict(self, X):
    ...         return [sequence[:, 0] for sequence in X]
    >>> X = [np.array([[1.0], [2.0]]), np.array([[3.0], [4.0], [5.0]])]
    >>> y = [np.array([1.5, 2.0]), np.array([3.0, np.nan, 6.0])]  # the target of one timestep is missing
    >>> scorer = make_sequence_scorer("neg_mean_absolute_error")
    >>> scorer
    make_sequence_scorer('neg_mean_absolute_error')
    >>> float(scorer(Echo(), X, y))
    -0.375
    >>> cross_val_score(Echo(), X, y, cv=2, scoring=scorer)
    array([-0.25, -0.5 ])
    """
    if isinstance(scoring, str):
        return SequenceScorer(scoring, get_scorer(scoring))
    if not callable(scoring):
        raise TypeError(
            f"scoring is {scoring!r} of type {type(scoring).__name__}, but make_sequence_scorer expects the name of a "
            "scorer or a callable scorer(estimator, X, y)"
        )
    return SequenceScorer(scoring, check_scoring(scoring=scoring))


@final
@dataclass(frozen=True, eq=False, repr=False)
class SequenceScorer:
    """A scorer that passes the timesteps that count, of all samples, to another scorer."""

    scoring: str | Callable[..., Any]  # as passed by the user
    scorer: Callable[..., Any]  # the corresponding scorer, `scorer(estimator, X, y)`

    def __repr__(self) -> str:
        """Return the call that made the scorer."""
        return f"make_sequence_scorer({self.scoring!r})"

    @settings_unchanged_on_error
    def __call__(self, estimator: Any, X: Any, y: Any, *, sample_weight: Any = None) -> float:
        """Return the score of the estimator's predictions on X; targets and weights may have any of the formats."""
        for values, name in ((y, "y"), (sample_weight, "sample_weight")):
            _check_samples(values, name)
        if _has_one_per_sample(y):
            weights = {} if sample_weight is None else {"sample_weight": sample_weight}
            return self.scorer(estimator, X, y, **weights)
        targets, lengths = _flatten(y, "y")
        predictions = _outputs(estimator, "predict", X, lengths)
        has_target = ~_rows_missing(targets, np.any)
        is_predicted = ~_rows_missing(predictions, np.all)
        valid = has_target & is_predicted
        if not valid.any():
            raise ValueError(
                f"No timestep is left to score: of {len(valid)} timesteps in {len(lengths)} samples, "
                f"{np.count_nonzero(~has_target)} have no target in y (NaN or None in an output) and "
                f"{np.count_nonzero(~is_predicted)} have no prediction (NaN in every output, masked in X). "
                "Expected at least one with both."
            )
        weights = {} if sample_weight is None else {"sample_weight": _weights(sample_weight, lengths, valid)}
        flat = FlatEstimator(estimator, X, predictions, lengths, valid)
        with naming("y", f"targets that {self.scoring!r} accepts with the predictions"):
            y = _one_column_as_1d(from_objects(targets[valid]))
            _check_targets(y)
            return self.scorer(flat, X, y, **weights)

    def get_metadata_routing(self) -> Any:
        """Return the metadata that the wrapped scorer requests, if metadata routing is enabled."""
        return get_routing_for_object(self.scorer)

    def _accept_sample_weight(self) -> bool:
        """Tell a parameter search whether to pass on the weights of its `fit`."""
        # Searches of scikit-learn 1.9, but not of 1.6, call this for every scorer in a dict.
        if not hasattr(self.scorer, "get_metadata_routing"):
            return "sample_weight" in signature(self.scorer).parameters
        requests = getattr(get_routing_for_object(self.scorer), "score", None)  # None: several scores
        return requests is not None and "sample_weight" in requests.requests


def _has(method: str) -> Callable[["FlatEstimator"], bool]:
    """Return a check for `available_if`: whether the wrapped estimator has the method."""
    return lambda flat: hasattr(flat.estimator, method)


@final
@dataclass(frozen=True, eq=False)
class FlatEstimator:
    """A stand-in for a fitted estimator: its predictions at the timesteps that count, of all samples in one array."""

    estimator: Any  # the fitted estimator, or a pipeline that ends in it
    X: Any  # the samples that are scored, in any format that the estimator accepts
    predictions: np.ndarray  # of the estimator for all timesteps of X, (n_rows,) or (n_rows, n_outputs)
    lengths: np.ndarray  # number of timesteps of each sample, (n_samples,)
    valid: np.ndarray  # whether the timestep counts, (n_rows,)

    @property
    def classes_(self) -> Any:
        """Class labels of the estimator."""
        return self.estimator.classes_

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions, (n_valid,) or (n_valid, n_outputs)."""
        predictions = self.predictions if X is self.X else _outputs(self.estimator, "predict", X, self.lengths)
        return _one_column_as_1d(from_objects(predictions[self.valid]))

    @available_if(_has("predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities, (n_valid, n_classes)."""
        return self._of_classes("predict_proba", X)

    @available_if(_has("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of the probabilities, (n_valid, n_classes)."""
        return self._of_classes("predict_log_proba", X)

    def _of_classes(self, method: str, X: Any) -> np.ndarray:
        """Return the result of the method for each class, (n_valid, n_classes)."""
        rows = _outputs(self.estimator, method, X, self.lengths)
        if rows.ndim != 2:  # one row per sample, with as many classes as there are timesteps
            raise ValueError(
                f"{type(self.estimator).__name__}.{method}(X) has one row of classes per sample, for "
                f"{len(self.lengths)} samples, but y has targets for each timestep; expected one row of classes per "
                "timestep."
            )
        return rows[self.valid]

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator: a classifier's stand-in is a classifier."""
        return get_tags(self.estimator)


def _outputs(estimator: Any, method: str, X: Any, lengths: np.ndarray) -> np.ndarray:
    """Return the result of the method for all timesteps of X, (n_rows,) or (n_rows, n_columns)."""
    predictions = getattr(estimator, method)(X)
    name = f"{type(estimator).__name__}.{method}(X)"
    if _has_one_per_sample(predictions):
        raise ValueError(
            f"{name} has one value for each of {len(predictions)} samples, but y has targets for each timestep. "
            "Expected an estimator that predicts at each timestep (return_sequences=True), or y of shape (n_samples,)."
        )
    rows, predicted = _flatten(predictions, name)
    _check_lengths(lengths, "y", predicted, name)
    return rows


def _weights(sample_weight: Any, lengths: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return one weight per timestep that counts, (n_valid,), from weights per sample or per timestep."""
    if _has_one_per_sample(sample_weight):
        if len(sample_weight) != len(lengths):
            raise ValueError(
                f"sample_weight has {len(sample_weight)} samples, but y has {len(lengths)}; expected one weight per "
                "sample."
            )
        return np.repeat(_as_weights(np.asarray(sample_weight)), lengths)[valid]
    rows, weighted = _flatten(sample_weight, "sample_weight")
    _check_lengths(weighted, "sample_weight", lengths, "y")
    rows = _one_column_as_1d(rows)
    if rows.ndim != 1:
        raise ValueError(f"sample_weight has {rows.shape[1]} values per timestep; expected one weight.")
    return _as_weights(rows[valid])  # other weights may be anything


def _as_weights(rows: np.ndarray) -> np.ndarray:
    """Return weights (n,) as float64."""
    with naming("sample_weight", "real numbers >= 0"):
        if rows.dtype.kind not in "fiubO":
            raise TypeError(f"sample_weight has dtype {rows.dtype}; expected real numbers >= 0.")
        weights = rows.astype(np.float64)
    check_weights(weights, "sample_weight")
    return weights


def _check_targets(y: np.ndarray) -> None:
    """Raise unless targets, (n_rows,) or (n_rows, n_outputs), are finite numbers or labels."""
    if y.dtype.kind not in "fiubUSO":
        raise TypeError(f"y has dtype {y.dtype}; expected real numbers or labels.")
    if y.dtype.kind == "f" and not np.isfinite(y.astype(np.float64)).all():
        raise ValueError("y contains infinity, or a number too large for float64; expected finite numbers.")


def _check_lengths(lengths: np.ndarray, name: str, expected: np.ndarray, expected_name: str) -> None:
    """Raise unless all samples have the same numbers of timesteps in both."""
    if len(lengths) != len(expected):
        raise ValueError(
            f"{name} has {len(lengths)} samples, but {expected_name} has {len(expected)}; expected the same number."
        )
    if (lengths != expected).any():
        sample = int(np.argmax(lengths != expected))
        raise ValueError(
            f"{name} has {lengths[sample]} timesteps in sample {sample}, but {expected_name} has {expected[sample]}; "
            "expected the same number."
        )


def _check_samples(values: Any, name: str) -> None:
    """Raise unless values, None as weights, are an array-like with one entry per sample, and no masked array."""
    refuse_masked(values, name)
    if values is None and name == "sample_weight":
        return
    is_single = isinstance(values, str | bytes | dict | set) or not hasattr(values, "__len__")
    if is_single or (hasattr(values, "__array__") and np.ndim(values) == 0):
        raise TypeError(
            f"{name} is {values!r} of type {type(values).__name__}; expected an array or a list with an entry for each "
            "sample."
        )


def _has_one_per_sample(values: Any) -> bool:
    """Tell whether there is one value per sample, (n_samples,), and not a sequence of them."""
    if hasattr(values, "__array__"):
        values = np.asarray(values)
        if values.ndim != 1 or values.dtype != object:
            return values.ndim == 1
    return all(isinstance(value, str | bytes) or not np.iterable(value) for value in values)


def _flatten(values: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (all timesteps of all samples, number of timesteps of each sample) of sequences in any form.

    The values are an array (n_samples, n_timesteps) or (n_samples, n_timesteps, n_columns), or a list or 1-D object
    array of (n_timesteps,) or (n_timesteps, n_columns). The timesteps are (n_rows,) or (n_rows, n_columns).
    """
    with naming(name, "an array (n_timesteps,) or (n_timesteps, n_columns) for each sample"):
        samples = [as_array(sample) for sample in (np.asarray(values) if hasattr(values, "__array__") else values)]
    if not samples:
        raise ValueError(f"{name} has no samples; expected at least one.")
    first = samples[0]
    for i, sample in enumerate(samples):
        if sample.ndim not in (1, 2):
            raise ValueError(
                f"{name} has shape {sample.shape} in sample {i}; expected (n_timesteps,) or (n_timesteps, n_columns)."
            )
        if sample.shape[1:] != first.shape[1:]:
            raise ValueError(
                f"{name} has shape {sample.shape} in sample {i}, but {first.shape} in sample 0; expected the same "
                "number of values at each timestep."
            )
    # Among strings, NumPy would convert the NaN of a sample without targets to the label "nan".
    has_strings = {sample.dtype.kind in "US" for sample in samples}
    rows = np.concatenate(samples, dtype=object if len(has_strings) > 1 else None)
    return rows, np.array([len(sample) for sample in samples])


def _rows_missing(rows: np.ndarray, reduce: Callable[..., np.ndarray]) -> np.ndarray:
    """Return one flag per row, (n_rows,): whether any or all (`reduce`) of its values are missing."""
    missing = find_missing(rows)
    if missing is None:
        return np.zeros(len(rows), dtype=bool)
    return missing if missing.ndim == 1 else reduce(missing, axis=1)


def _one_column_as_1d(rows: np.ndarray) -> np.ndarray:
    """Return rows with one column, (n_rows, 1), as (n_rows,), and others unchanged."""
    return rows[:, 0] if rows.ndim == 2 and rows.shape[1] == 1 else rows
