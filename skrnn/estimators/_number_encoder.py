"""Targets that are numbers."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, final

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_array, column_or_1d

from skrnn._inputs._frames import refuse_dates
from skrnn._inputs._messages import naming, warn
from skrnn._inputs._values import check_kind, check_size
from skrnn.estimators._parameters import quantile_levels
from skrnn.estimators._target_encoder import Kind, TargetColumns, TargetEncoder, check_n_samples
from skrnn.losses._base import entry_weights
from skrnn.losses._losses import LOSSES, Quantile
from skrnn.sequences._targets import Targets


@final
@dataclass(frozen=True, kw_only=True)
class NumberEncoder(TargetEncoder):
    """The targets of a regressor: numbers with one output each, or several with several quantile levels."""

    has_classes: ClassVar[bool] = False

    loss_name: str
    has_levels: bool  # whether predictions have an axis for quantile levels
    normalizes: bool  # the parameter normalize_y

    @classmethod
    def new(cls, estimator: Any) -> Self:
        """Return an encoder with the estimator's parameters that has not learnt anything yet."""
        is_quantile = estimator.loss == "quantile"
        return cls(
            who=type(estimator).__name__,
            per_timestep=bool(estimator.return_sequences),
            loss=Quantile(quantile_levels(estimator.quantile)) if is_quantile else LOSSES[estimator.loss](),
            loss_name=estimator.loss,
            has_levels=is_quantile and bool(np.iterable(estimator.quantile)),
            normalizes=bool(estimator.normalize_y),
        )

    def _with_stored_form(self, estimator: Any) -> Self:
        encoder = self.with_form(None if estimator._y_is_1d else estimator._n_targets)
        n_outputs, link = encoder.n_outputs, self.loss.link
        if n_outputs != estimator.n_outputs_ or link != estimator._link:
            raise ValueError(
                f"loss={estimator.loss!r} and quantile={estimator.quantile!r} require {n_outputs} outputs and the "
                f"{link} link, but {self.who} was fitted with {estimator.n_outputs_} and the {estimator._link} link. "
                "Refit it with warm_start=False."
            )
        return encoder

    def with_form(self, n_targets: int | None, classes: Any = None) -> Self:
        """Return an encoder of numbers in `n_targets` columns, None for 1-D targets."""
        self.check_classes(classes)
        if n_targets == 0:
            raise ValueError("targets have no columns; expected at least one")
        n_columns, n_levels = n_targets or 1, self.loss.n_outputs_per_target
        kind: Kind = "quantiles" if n_levels > 1 else "exponentials" if self.loss.link == "log" else "numbers"
        is_flat = n_targets is None or (self.has_levels and n_columns == 1)
        shape = (() if is_flat else (n_columns,)) + ((n_levels,) if self.has_levels else ())  # levels come last
        return replace(self, n_targets=n_targets, n_outputs=n_columns * n_levels, kind=kind, shape=shape)

    def learn(self, columns: TargetColumns, classes: Any = None, *, incremental: bool = False) -> Self:
        """Return an encoder of targets with these dimensions."""
        return self.with_form(_count_columns(columns.y), classes)

    def check_classes(self, classes: Any) -> None:
        """Raise ValueError if classes are given: numbers have none."""
        if classes is not None:
            raise ValueError(f"classes are {classes!r}, but targets are numbers; expected None.")

    def require_all_classes(self, columns: TargetColumns) -> None:
        """Do nothing: numbers have no classes."""

    def store(self, estimator: Any) -> None:
        """Store what has been learnt as attributes of the estimator."""
        super().store(estimator)
        estimator._y_is_1d, estimator._n_targets = self.n_targets is None, self.n_targets or 1
        estimator._link = self.loss.link

    def _read_values(self, y: Any, n_samples: int, name: str) -> np.ndarray:
        with naming(name, "real numbers, (n_samples,) or (n_samples, n_outputs)"):
            refuse_dates(y, name)
            y = check_array(y, ensure_2d=False, dtype="numeric", input_name=name, estimator=self.who)
            check_kind(y, name)
            if y.dtype != np.float64:
                y = check_array(y, ensure_2d=False, dtype=np.float64, input_name=name, estimator=self.who)
        check_n_samples(y, n_samples, name)
        check_size(y, y.dtype, name)
        is_column = y.ndim == 2 and y.shape[1] == 1 and not self.per_timestep
        return column_or_1d(y, dtype=np.float64, warn=True) if is_column else y

    def _encode(self, y: np.ndarray, name: str) -> np.ndarray:
        loss = self.loss
        if _count_columns(y) != self.n_targets:
            expected = "(n_samples,)" if self.n_targets is None else f"(n_samples, {self.n_targets})"
            raise ValueError(f"{name} has shape {y.shape}; expected {expected}, as in the training data.")
        targets = y[np.newaxis] if y.ndim == 1 else np.ascontiguousarray(y.T)
        if (targets < loss.least_target).any():
            raise ValueError(
                f"{name} contains {targets.min():.6g}; expected targets >= {loss.least_target:g} with "
                f"loss={self.loss_name!r}."
            )
        return np.repeat(targets, loss.n_outputs_per_target, axis=0) if loss.n_outputs_per_target > 1 else targets

    def _statistics(self, targets: Targets) -> tuple[np.ndarray, np.ndarray]:
        loss = self.loss
        is_above = (targets.values > loss.least_target) & (targets.weights is None or targets.weights > 0.0)
        if not is_above.any(axis=1).all():
            output = int(np.argmin(is_above.any(axis=1)))
            raise ValueError(
                f"y is always {loss.least_target:g} in output {output}; expected at least one larger training target "
                f"with loss={self.loss_name!r}."
            )
        if not self.normalizes:
            return super()._statistics(targets)
        return loss.location_scale(targets.values, targets.weights, targets.present)

    def distances(self, targets: Targets) -> np.ndarray:
        """Return the root mean square of each standardised output, or zeros where targets are not standardised."""
        if not self.normalizes:
            return super().distances(targets)
        counts = entry_weights(targets.values, targets.weights, targets.present) > 0.0
        with np.errstate(over="ignore"):
            values = np.where(counts, self.loss.standardised(targets.values, self.location, self.scale), 0.0)
            return np.sqrt(np.square(values).sum(axis=1) / np.maximum(1, counts.sum(axis=1)))

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return predictions, (n_columns, *shape), from raw outputs."""
        return self.loss.predict(raw).T.reshape(-1, *self.shape)

    def raw_from(self, averages: np.ndarray) -> np.ndarray:
        """Return raw outputs with these predictions, (n_columns, *shape)."""
        raw = averages.reshape(len(averages), -1).T
        return np.log(np.maximum(raw, np.finfo(raw.dtype).tiny)) if self.loss.link == "log" else raw

    def score(self, raw: np.ndarray, columns: TargetColumns) -> float:
        """Return D^2 of raw outputs, or NaN with a warning if fewer than two targets count."""
        targets = self.encode(columns, needs_all_outputs=False)
        output = targets.empty_output()
        if output is not None:
            raise ValueError(f"y has no target of positive weight in output {output}; expected at least one.")
        if _least_count(targets) < 2:
            message = "The score (D^2) is not well-defined with fewer than two targets."
            warn(message, UndefinedMetricWarning)
            return float("nan")
        # In the units of training, to which the threshold of Huber's loss refers. Other losses have the same D^2 in
        # any.
        outputs = (raw - self.location[:, None]) / self.scale[:, None]
        values = self.loss.standardised(targets.values, self.location, self.scale)
        return self.loss.score(values, outputs, targets.weights, targets.present)


def _count_columns(y: np.ndarray) -> int | None:
    """Return the number of columns of y, or None if it is 1-D."""
    return None if y.ndim == 1 else y.shape[1]


def _least_count(targets: Targets) -> int:
    """Return the minimum over the outputs of the number of targets that count."""
    if targets.present is not None:
        return int(np.count_nonzero(targets.present, axis=1).min())
    return len(targets) if targets.weights is None else int(np.count_nonzero(targets.weights))
