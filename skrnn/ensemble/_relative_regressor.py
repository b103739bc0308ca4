"""The base class of regressors that predict differences from known values."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted

from skrnn._inputs._messages import warn
from skrnn._inputs._parameters import check_count, describe
from skrnn._inputs._values import read_weights
from skrnn.ensemble._inner_estimators import (
    RoutesMetadata,
    check_lengths,
    fit_arguments,
    in_form_for,
    is_regressor_instance,
    learn_features,
    predict_arguments,
    read_known_sequences,
    read_sequences,
    read_targets,
    take_arguments,
)
from skrnn.estimators._interruption import whole_fits
from skrnn.exceptions import DataWarning

#: Minimum divisor of windows, relative to the typical one, because nearly constant windows say little about the future.
# A smaller value helps the small series of a panel, and harms series that are calm at times.
_LEAST_SHARE = 0.1
#: With fewer samples, values and targets may be far apart by chance.
_N_JUDGED = 10


@whole_fits
class RelativeRegressor(RoutesMetadata, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """A regressor that fits another regressor to relative windows and to differences from reference values.

    A subclass defines what windows are relative to, and the reference values of the outputs.
    """

    regressor: Any
    n_series: int | None

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> Self:
        """Fit the regressor to relative windows and to the differences of their targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps), or list of arrays
            Windows or other sequences, ending with the current timestep. NaN is a missing value.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The following values, first all series of the next timestep, as returned by
            :func:`~skrnn.forecasting.to_supervised`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0, for the regressor.
        **params : dict
            Metadata for the regressor, with metadata routing.

        Returns
        -------
        self : object
            The fitted estimator itself. It is unchanged if a fit ends in an error, or is interrupted.

        Raises
        ------
        TypeError
            If a parameter has the wrong type, or weights are given but the regressor does not accept them.
        ValueError
            If a parameter has an invalid value, X or y are invalid, their columns do not match, or X has no window with
            reference values.

        Warns
        -----
        DataWarning
            If targets are so far from their reference values that X and y are probably in different units.
        """
        if not is_regressor_instance(self.regressor):
            raise TypeError(f"{describe('regressor', self.regressor)}; expected an instance of a regressor.")
        windows, (targets, shape) = read_sequences(X), read_table_of_targets(y)
        check_lengths(windows, targets)
        sample_weight = None if sample_weight is None else read_weights(sample_weight, len(targets))
        n_series = self._count_series(windows, targets.shape[1])
        references = self._references(windows, n_series, targets.shape[1])
        relative = self._relative(windows, n_series)
        known = np.flatnonzero(np.isfinite(references).all(axis=1) & ~np.isnan(relative).all(axis=(1, 2)))
        if len(known) == 0:
            raise ValueError("X has no window with reference values for y; expected at least one.")
        warn_of_units(targets[known], references[known])
        arguments = fit_arguments(self, sample_weight, params)["regressor"]
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
        """Return the predicted differences plus the reference values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps), or list of arrays
            Windows, as for :meth:`fit`.
        **params : dict
            Metadata for the regressor, with metadata routing.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions; for several quantiles with the levels last.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        ValueError
            If X is invalid, or has other features than in :meth:`fit`.
        """
        check_is_fitted(self)
        windows = read_known_sequences(self, X)
        arguments = predict_arguments(self, params)["regressor"]
        scales = self._scales(windows, self.scales_)
        relative = _scaled(self._relative(windows, self.n_series_), scales)
        relative[np.isnan(relative).all(axis=(1, 2))] = 0.0  # nothing is known: all timesteps would be masked
        differences = np.asarray(self.regressor_.predict(in_form_for(self.regressor, relative), **arguments))
        references = self._references(windows, self.n_series_, len(self.levels_))
        references = np.where(np.isnan(references), self.levels_, references).reshape(-1, *self._shape)
        scales = _per_output(scales, len(self.levels_)).reshape(references.shape)
        if differences.ndim < references.ndim:  # for a single output
            differences = differences.reshape(references.shape)
        behind = (1,) * (differences.ndim - references.ndim)  # the levels of quantiles
        return differences * scales.reshape(scales.shape + behind) + references.reshape(references.shape + behind)

    def _parts(self) -> dict[str, Any]:
        return {"regressor": self.regressor}

    @abstractmethod
    def _relative(self, windows: NDArray[Any], n_series: int) -> NDArray[Any]:
        """Return new windows, whose first `n_series` features are relative."""

    @abstractmethod
    def _references(self, windows: NDArray[Any], n_series: int, n_outputs: int) -> NDArray[Any]:
        """Return the reference values of the outputs, (n_samples, n_outputs); NaN if unknown."""

    def _spreads(self, windows: NDArray[Any], n_series: int) -> NDArray[Any]:
        """Return the divisors of windows and differences, (n_samples, n_series)."""
        return np.ones((len(windows), n_series))

    def _scales(self, windows: NDArray[Any], typical: NDArray[Any]) -> NDArray[Any]:
        """Return the divisors, but at least a fraction of the typical ones of each series, (n_series,)."""
        scales = np.maximum(self._spreads(windows, len(typical)), _LEAST_SHARE * typical)
        return np.where(scales > 0.0, scales, 1.0)  # for a constant series

    def _count_series(self, windows: NDArray[Any], n_outputs: int) -> int:
        """Return how many of the first features are series that the outputs continue."""
        n_features = windows.shape[2]
        if self.n_series is not None:
            check_count("n_series", self.n_series)
        n_series = self.n_series or n_features
        if n_series > n_features or n_outputs % n_series:
            raise ValueError(
                f"y has {n_outputs} outputs and X {n_features} features per timestep with n_series={self.n_series}; "
                "expected a multiple of the number of series. If only the first features are series, set n_series to "
                "their number."
            )
        return n_series

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags


def warn_of_units(targets: NDArray[Any], references: NDArray[Any]) -> None:
    """Warn if all targets are far from all references, (n_samples, n_outputs) or (n_samples, n_series)."""
    references = np.tile(references, targets.shape[1] // references.shape[1])
    with np.errstate(all="ignore"):  # the regressor rejects values that are not finite
        gaps = np.maximum(targets.min(axis=0) - references.max(axis=0), references.min(axis=0) - targets.max(axis=0))
        spreads = np.maximum(np.ptp(targets, axis=0), np.ptp(references, axis=0))
    if len(targets) >= _N_JUDGED and (gaps > spreads).all():
        warn(
            f"y is about {targets.mean():.3g}, but the values of X that are subtracted from it are about "
            f"{references.mean():.3g}: both must be in the same units. Apply scalers and logarithms to both, or "
            "inside the regressor.",
            DataWarning,
        )


def _scaled(relative: NDArray[Any], scales: NDArray[Any]) -> NDArray[Any]:
    """Divide the series of relative windows by their scales, in place, and return the windows."""
    relative[:, :, : scales.shape[1]] /= scales[:, np.newaxis]
    return relative


def _per_output(scales: NDArray[Any], n_outputs: int) -> NDArray[Any]:
    """Return scales of series, (n_samples, n_series), as scales of outputs, (n_samples, n_outputs)."""
    return np.tile(scales, n_outputs // scales.shape[1])


def read_table_of_targets(y: Any) -> tuple[NDArray[np.floating], tuple[int, ...]]:
    """Return targets as a table (n_samples, n_outputs), and their original shape per sample."""
    targets = read_targets(y)
    if targets.ndim > 2:
        raise ValueError(
            f"y has {targets.ndim} dimensions. Expected real numbers of shape (n_samples,) or (n_samples, n_outputs)."
        )
    return targets.reshape(len(targets), -1), targets.shape[1:]
