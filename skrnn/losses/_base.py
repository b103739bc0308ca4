"""The contract of a loss: what a network's outputs cost, and in which direction they should move."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np


class Loss(ABC):
    """A pointwise loss of raw network outputs.

    Arrays have the targets last: `y`, `raw` and `d_raw` are (n_outputs, n_columns), a column a sequence or a timestep.
    `present`, of the same shape, is zero where an output has no target, and None where all have. A loss holds
    nothing that depends on data and normalises nothing over the columns: weights and means are the objective's.

    Attributes
    ----------
    has_residuals : bool
        Whether the loss is a sum of squares: then it has `residuals`.
    link : {"identity", "log"}
        What of the predicted mean the outputs are: "log", its logarithm.
    least_target : float
        No target is below it, and in no output are all equal to it.
    n_outputs_per_target : int
        How many outputs of the network are about one target, which `y` repeats for each.
    """

    has_residuals: ClassVar[bool] = False
    link: ClassVar[str] = "identity"
    least_target: ClassVar[float] = -math.inf

    @property
    def n_outputs_per_target(self) -> int:
        """How many outputs of the network are about one target."""
        return 1

    @abstractmethod
    def loss_gradient(
        self, y: np.ndarray, raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None = None
    ) -> np.ndarray:
        """Write the gradient of each column's loss into `d_raw` and return the losses, (n_columns,)."""

    @abstractmethod
    def curvature_product(
        self,
        y: np.ndarray,
        raw: np.ndarray,
        t_raw: np.ndarray,
        d_raw: np.ndarray,
        present: np.ndarray | None = None,
    ) -> None:
        """Write H t_raw into `d_raw`, another array than `t_raw`.

        H is positive semi-definite: the Hessian of each column's loss with respect to its outputs. Where that is zero
        almost everywhere it is the curvature of a quadratic that touches the loss from above.
        """

    def residuals(
        self, y: np.ndarray, raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None = None
    ) -> np.ndarray:
        """Write the slope of each output's residual into `d_raw` and return the residuals, (n_outputs, n_columns).

        Half their squares, added up over the outputs, are the column's loss.
        """
        raise NotImplementedError(f"{type(self).__name__} is not a sum of squares: it has no residuals.")

    @abstractmethod
    def score(
        self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> float:
        """Return how good `raw` is, the larger the better, for columns of these weights, (n_columns,)."""

    @abstractmethod
    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return the prediction, (n_outputs, n_columns), that `raw` stands for: values or probabilities."""

    def location_scale(
        self, y: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return location and scale of the outputs, each (n_outputs,), for targets of these weights, (n_columns,).

        A readout of zeros, times the scale, plus the location, is then a fair prediction. `y` is float64.
        """
        return np.zeros(len(y)), np.ones(len(y))

    def standardised(self, y: np.ndarray, location: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Return the targets on which a network has to be trained whose outputs are then scaled and shifted so."""
        return (y - location[:, None]) / scale[:, None]
