"""All losses by name: those of the regressor and those of the classifier."""

from skrnn.losses._base import Loss
from skrnn.losses._classification import BinaryLogLoss, MultinomialLogLoss
from skrnn.losses._regression import AbsoluteError, HalfPoissonDeviance, HalfSquaredError, Huber, Quantile

#: All values of the regressor's `loss`.
REGRESSION_LOSSES: dict[str, type[Loss]] = {
    "squared_error": HalfSquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
    "poisson": HalfPoissonDeviance,
}
LOSSES: dict[str, type[Loss]] = {
    **REGRESSION_LOSSES,
    "binary_log_loss": BinaryLogLoss,
    "multinomial_log_loss": MultinomialLogLoss,
}
