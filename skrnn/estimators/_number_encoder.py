"""Targets that are numbers."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self, final

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_array, column_or_1d

from skrnn._inputs._warnings import warn
from skrnn.estimators._inputs import naming
from skrnn.estimators._parameters import check_kind, quantile_levels
from skrnn.estimators._target_encoder import TargetColumns, TargetEncoder, check_n_samples
from skrnn.losses import LOSSES, Loss, Quantile
from skrnn.sequences._targets import Targets


@final
@dataclass(frozen=True)
class NumberEncoder(TargetEncoder):
    """The targets of a regressor: numbers, each of one output or, with several levels of quantiles, of several.

    Attributes
    ----------
    loss_name : str
        The parameter `loss`.
    chosen_loss : Loss
        What it stands for.
    has_levels : bool
        Whether predictions have an axis for the levels of quantiles, be there one or several.
    normalizes : bool
        The parameter `normalize_y`.
    n_columns : int
        Number of targets of a column.
    is_1d : bool
        Whether y is 1-D, and predictions with it.
    """

    has_classes: ClassVar[bool] = False

    loss_name: str
    chosen_loss: Loss
    has_levels: bool
    normalizes: bool
    n_columns: int = 0
    is_1d: bool = True

    @classmethod
    def new(cls, estimator: Any) -> Self:
        """Return the encoder that the estimator's parameters describe, which has learnt nothing."""
        is_quantile = estimator.loss == "quantile"
        return cls(
            who=type(estimator).__name__,
            per_timestep=bool(estimator.return_sequences),
            loss_name=estimator.loss,
            chosen_loss=Quantile(quantile_levels(estimator.quantile)) if is_quantile else LOSSES[estimator.loss](),
            has_levels=is_quantile and bool(np.iterable(estimator.quantile)),
            normalizes=bool(estimator.normalize_y),
        )

    @classmethod
    def of(cls, estimator: Any) -> Self:
        """Return the encoder of a fitted estimator."""
        encoder = replace(
            cls.new(estimator),
            n_columns=estimator._n_targets,
            is_1d=estimator._y_is_1d,
            location=estimator._target_location,
            scale=estimator._target_scale,
        )
        n_outputs, link = encoder.n_outputs, encoder.loss.link
        if n_outputs != estimator.n_outputs_ or link != estimator._link:
            raise ValueError(
                f"loss={estimator.loss!r} and quantile={estimator.quantile!r} need {n_outputs} outputs and the {link} "
                f"link, but {encoder.who} was fitted with {estimator.n_outputs_} and the {estimator._link} link. Fit "
                "it anew with warm_start=False."
            )
        return encoder

    def with_form(self, n_targets: int | None, classes: Any = None) -> Self:
        """Return an encoder of numbers in so many columns, None for 1-D ones."""
        self.check_classes(classes)
        if n_targets == 0:
            raise ValueError("targets have no columns; expected at least one")
        return replace(self, n_columns=1 if n_targets is None else n_targets, is_1d=n_targets is None)

    def learn(self, columns: TargetColumns, classes: Any = None, *, incremental: bool = False) -> Self:
        """Return an encoder of targets of these dimensions."""
        return self.with_form(None if columns.y.ndim == 1 else columns.y.shape[1], classes)

    def check_classes(self, classes: Any) -> None:
        """Raise ValueError where there are classes: numbers have none."""
        if classes is not None:
            raise ValueError(f"classes are {classes!r}, but targets are numbers; expected None.")

    def store(self, estimator: Any) -> None:
        """Write what has been learnt into the attributes of the estimator."""
        super().store(estimator)
        estimator._y_is_1d, estimator._n_targets, estimator._link = self.is_1d, self.n_columns, self.loss.link

    @property
    def n_targets(self) -> int | None:
        """Number of columns of y, or None if it is 1-D."""
        return None if self.is_1d else self.n_columns

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the network."""
        return self.n_columns * self.loss.n_outputs_per_target

    @property
    def loss(self) -> Loss:
        """The loss that the parameters name."""
        return self.chosen_loss

    @property
    def kind(self) -> Literal["numbers", "exponentials", "quantiles"]:
        """What predictions are."""
        if self.loss.n_outputs_per_target > 1:
            return "quantiles"
        return "exponentials" if self.loss.link == "log" else "numbers"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a prediction; levels are the last axis."""
        shape = () if self.is_1d or (self.has_levels and self.n_columns == 1) else (self.n_columns,)
        return (*shape, self.loss.n_outputs_per_target) if self.has_levels else shape

    def _read_values(self, y: Any, n_samples: int, name: str) -> np.ndarray:
        with naming(name, "real numbers, (n_samples,) or (n_samples, n_outputs)"):
            y = check_array(y, ensure_2d=False, dtype="numeric", input_name=name, estimator=self.who)
            check_kind(y, name)
            y = check_array(y, ensure_2d=False, dtype=np.float64, input_name=name, estimator=self.who)
        check_n_samples(y, n_samples, name)
        is_column = y.ndim == 2 and y.shape[1] == 1 and not self.per_timestep
        return column_or_1d(y, dtype=np.float64, warn=True) if is_column else y

    def _encode(self, y: np.ndarray, name: str) -> np.ndarray:
        loss = self.loss
        targets = y[np.newaxis] if y.ndim == 1 else np.ascontiguousarray(y.T)
        if (len(targets), y.ndim == 1) != (self.n_columns, self.is_1d):
            expected = "(n_samples,)" if self.is_1d else f"(n_samples, {self.n_columns})"
            raise ValueError(f"{name} has shape {y.shape}; expected {expected}, as in the training data.")
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
                f"y is {loss.least_target:g} throughout in output {output}; expected a larger target among those to "
                f"train on, with loss={self.loss_name!r}."
            )
        if not self.normalizes:
            return super()._statistics(targets)
        return loss.location_scale(targets.values, targets.weights, targets.present)

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return the numbers that raw outputs stand for, (n_columns, *shape)."""
        return self.loss.predict(raw).T.reshape(-1, *self.shape)

    def score(self, raw: np.ndarray, columns: TargetColumns) -> float:
        """Return D^2 of raw outputs, or NaN with a warning where less than two targets count."""
        targets = self.encode(columns, needs_all_outputs=False)
        output = targets.empty_output()
        if output is not None:
            raise ValueError(f"y has no target of positive weight in output {output}; expected at least one.")
        if _least_count(targets) < 2:
            message = "The score (D^2) is not well-defined with less than two targets."
            warn(message, UndefinedMetricWarning)
            return float("nan")
        # In the units of training, in which Huber's loss has its threshold. D^2 is the same in any.
        outputs = (raw - self.location[:, None]) / self.scale[:, None]
        values = self.loss.standardised(targets.values, self.location, self.scale)
        return self.loss.score(values, outputs, targets.weights, targets.present)


def _least_count(targets: Targets) -> int:
    """Return how many targets count in the output that has the fewest."""
    if targets.present is not None:
        return int(np.count_nonzero(targets.present, axis=1).min())
    return len(targets) if targets.weights is None else int(np.count_nonzero(targets.weights))
