"""Losses: what a network's outputs cost, pointwise, with their gradients."""

from skrnn.losses._base import Loss
from skrnn.losses._classification import BinaryLogLoss, MultinomialLogLoss
from skrnn.losses._regression import HalfSquaredError

LOSSES: dict[str, type[Loss]] = {
    "squared_error": HalfSquaredError,
    "binary_log_loss": BinaryLogLoss,
    "multinomial_log_loss": MultinomialLogLoss,
}

__all__ = ["LOSSES", "Loss"]
