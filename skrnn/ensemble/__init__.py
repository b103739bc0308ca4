"""Ensembles and composite estimators for series."""

from skrnn.ensemble._change_regressor import ChangeRegressor
from skrnn.ensemble._ensemble_classifier import EnsembleClassifier
from skrnn.ensemble._hybrid_regressor import HybridRegressor
from skrnn.ensemble._residual_regressor import ResidualRegressor
from skrnn.ensemble._seasonal_regressor import SeasonalRegressor
from skrnn.ensemble._seeded_ensembles import EnsembleRegressor

__all__ = [
    "ChangeRegressor",
    "EnsembleClassifier",
    "EnsembleRegressor",
    "HybridRegressor",
    "ResidualRegressor",
    "SeasonalRegressor",
]
