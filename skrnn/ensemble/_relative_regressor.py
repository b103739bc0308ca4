"""What regressors share whose estimator sees and says only how values differ from known ones."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils.metadata_routing import MetadataRouter
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skrnn._inputs._naming import naming
from skrnn._inputs._parameters import check_count, describe
from skrnn._inputs._values import refuse_masked
from skrnn._inputs._warnings import warn
from skrnn.ensemble._delegation import (
    fit_arguments,
    is_regressor_instance,
    make_router,
    predict_arguments,
    take_arguments,
)
from skrnn.ensemble._sequence_input import in_form_for, learn_features, read_known_sequences, read_sequences
from skrnn.exceptions import DataWarning

#: The least by which windows are divided, over what is typical: those that do not vary say little of what follows. A
#: smaller share helps the small series of a panel, and harms series that are calm at times.
_LEAST_SHARE = 0.1
#: Samples below which values and targets may be far apart by chance.
_N_JUDGED = 10


class RelativeRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator, ABC):
    """A regressor around another one that reads relative windows and predicts differences from reference values.

    A subclass says what windows are relative to, and from which values the outputs differ.
    """

    regressor: Any
    n_series: int | None

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> Self:
        """Fit the regressor to relative windows and to the differences of their targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps), or list of arrays
            Windows or other sequences; the last timestep is now. NaN is a missing value.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The values that follow, all series of the next timestep first, as of
            :func:`~skrnn.forecasting.to_supervised`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0, for the regressor.
        **params : dict
            Metadata for the regressor, with metadata routing.

        Returns
        -------
        self : object
            The fitted estimator itself. Where a fit ends in an error, or is interrupted, it is what it was before.

        Raises
        ------
        TypeError
            If a parameter has the wrong type, or the regressor takes no weights and some are given.
        ValueError
            If a parameter has an unexpected value, X or y cannot be read, their columns do not match, or X has no
            window that tells what the targets differ from.

        Warns
        -----
        DataWarning
            If targets are so far from what they differ from that X and y most likely have not the same unit.
        """
        if not is_regressor_instance(self.regressor):
            raise TypeError(f"{describe('regressor', self.regressor)}; expected a regressor, an instance.")
        windows, (targets, shape) = read_sequences(X), read_targets(y)
        check_consistent_length(windows, targets)
        n_series = self._count_series(windows, targets.shape[1])
        references = self._references(windows, n_series, targets.shape[1])
        relative = self._relative(windows, n_series)
        known = np.flatnonzero(np.isfinite(references).all(axis=1) & ~np.isnan(relative).all(axis=(1, 2)))
        if len(known) == 0:
            raise ValueError("X has no window with the values from which y differs; expected at least one.")
        warn_of_units(targets[known], references[known])
        arguments = fit_arguments(self, {"regressor": self.regressor}, sample_weight, params)["regressor"]
        typical = self._spreads(windows[known], n_series).mean(axis=0)
        scales = self._scales(windows, typical)
        differences = ((targets - references) / _per_output(scales, targets.shape[1]))[known].reshape(-1, *shape)
        seen = in_form_for(self.regressor, _scaled(relative, scales)[known])
        arguments = take_arguments(arguments, known, len(windows))
        regressor = clone(self.regressor).fit(seen, differences, **arguments)
        self.regressor_, self.n_series_, self.levels_ = regressor, n_series, references[known].mean(axis=0)
        self.scales_ = typical
        self._shape = shape
        learn_features(self, X, windows)
        return self

    def predict(self, X: Any, **params: Any) -> NDArray[np.floating]:
        """Return the predicted differences, added to the values that they are differences from.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps), or list of arrays
            Windows, as for :meth:`fit`.
        **params : dict
            Metadata for the regressor, with metadata routing.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions; of several quantiles with the levels last.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        ValueError
            If X cannot be read, or has other features than in :meth:`fit`.
        """
        check_is_fitted(self)
        windows = read_known_sequences(self, X)
        arguments = predict_arguments(self, {"regressor": self.regressor}, params)["regressor"]
        scales = self._scales(windows, self.scales_)
        relative = _scaled(self._relative(windows, self.n_series_), scales)
        relative[np.isnan(relative).all(axis=(1, 2))] = 0.0  # nothing is known: no timestep would be left
        differences = np.asarray(self.regressor_.predict(in_form_for(self.regressor, relative), **arguments))
        references = self._references(windows, self.n_series_, len(self.levels_))
        references = np.where(np.isnan(references), self.levels_, references).reshape(-1, *self._shape)
        scales = _per_output(scales, len(self.levels_)).reshape(references.shape)
        if differences.ndim < references.ndim:  # of a single output
            differences = differences.reshape(references.shape)
        behind = (1,) * (differences.ndim - references.ndim)  # the levels of quantiles
        return differences * scales.reshape(scales.shape + behind) + references.reshape(references.shape + behind)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the router that hands metadata to the regressor.

        Returns
        -------
        MetadataRouter
            A :class:`~sklearn.utils.metadata_routing.MetadataRouter` to its `fit` and `predict`.
        """
        return make_router(self, {"regressor": self.regressor})

    @abstractmethod
    def _relative(self, windows: NDArray[Any], n_series: int) -> NDArray[Any]:
        """Return new windows, whose first `n_series` features are relative."""

    @abstractmethod
    def _references(self, windows: NDArray[Any], n_series: int, n_outputs: int) -> NDArray[Any]:
        """Return the values from which outputs differ, (n_samples, n_outputs); NaN where they are not known."""

    def _spreads(self, windows: NDArray[Any], n_series: int) -> NDArray[Any]:
        """Return by what windows and differences are divided, (n_samples, n_series)."""
        return np.ones((len(windows), n_series))

    def _scales(self, windows: NDArray[Any], typical: NDArray[Any]) -> NDArray[Any]:
        """Return the same with a part of what is typical of each series, (n_series,), where there is less."""
        scales = np.maximum(self._spreads(windows, len(typical)), _LEAST_SHARE * typical)
        return np.where(scales > 0.0, scales, 1.0)  # of a constant series

    def _count_series(self, windows: NDArray[Any], n_outputs: int) -> int:
        """Return how many of the first features are series, which the outputs continue."""
        n_features = windows.shape[2]
        if self.n_series is not None:
            check_count("n_series", self.n_series)
        n_series = self.n_series or n_features
        if n_series > n_features or n_outputs % n_series:
            raise ValueError(
                f"y has {n_outputs} outputs and X {n_features} features per timestep with n_series={self.n_series}; "
                "expected outputs for each series, a multiple. If some features are not series, set n_series to the "
                "number of those that are: they come first."
            )
        return n_series

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags


def warn_of_units(targets: NDArray[Any], references: NDArray[Any]) -> None:
    """Warn where all targets lie beyond all of their references, (n_samples, n_outputs) or of each series, by far."""
    references = np.tile(references, targets.shape[1] // references.shape[1])
    with np.errstate(all="ignore"):  # what is not finite the regressor refuses
        gaps = np.maximum(targets.min(axis=0) - references.max(axis=0), references.min(axis=0) - targets.max(axis=0))
        spreads = np.maximum(np.ptp(targets, axis=0), np.ptp(references, axis=0))
    if len(targets) >= _N_JUDGED and (gaps > spreads).all():
        warn(
            f"y is about {targets.mean():.3g}, but what it differs from, values of X, about {references.mean():.3g}; "
            "differences are learnt, for which both need the same unit. Put scalers and logarithms of one of them "
            "inside of the regressor, or apply them to the other one too.",
            DataWarning,
        )


def _scaled(relative: NDArray[Any], scales: NDArray[Any]) -> NDArray[Any]:
    """Return relative windows, whose series are divided by their scales in place."""
    relative[:, :, : scales.shape[1]] /= scales[:, np.newaxis]
    return relative


def _per_output(scales: NDArray[Any], n_outputs: int) -> NDArray[Any]:
    """Return scales of series, (n_samples, n_series), as those of outputs, (n_samples, n_outputs)."""
    return np.tile(scales, n_outputs // scales.shape[1])


def read_targets(y: Any) -> tuple[NDArray[np.floating], tuple[int, ...]]:
    """Return targets (n_samples, n_outputs), and the shape of those of one sample as they came."""
    refuse_masked(y, "y")
    with naming("y", "real numbers of shape (n_samples,) or (n_samples, n_outputs)"):
        if y is None:
            raise ValueError("This estimator requires y to be passed, but the target y is None.")
        targets = np.asarray(y, dtype=np.float64)
        if targets.ndim not in (1, 2):
            raise ValueError(f"y has {targets.ndim} dimensions.")
    return targets.reshape(len(targets), -1), targets.shape[1:]
