"""The network of a fitted estimator, as exports read it."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._fitted import read_fitted
from skrnn.network._parameters import LayerParameters, NetworkParameters, ParameterLayout


@final
@dataclass(frozen=True)
class FittedNetwork:
    """The network of a fitted estimator: its cell by name, its sizes and its parameters.

    Attributes
    ----------
    cell, activation : str
        As the estimator has them.
    return_sequences : bool
        Whether there is an output at each timestep.
    n_features : int
        Features of a timestep.
    layout : ParameterLayout
        The sizes of all layers.
    parameters : NetworkParameters
        A copy, in the dtype in which the network was fitted.
    """

    cell: str
    activation: str
    return_sequences: bool
    n_features: int
    layout: ParameterLayout
    parameters: NetworkParameters

    @property
    def dtype(self) -> np.dtype:
        """In which the network was fitted."""
        return self.parameters.readout.matrix.dtype

    def layers(self) -> list[list[LayerParameters]]:
        """Return the parameters of each direction of each layer, the lowest layer first."""
        n_directions = self.layout.n_directions
        flat = self.parameters.layers
        return [flat[first : first + n_directions] for first in range(0, len(flat), n_directions)]


def read_network(estimator: Any, who: str) -> FittedNetwork:
    """Return the network of a fitted estimator; errors say `who` reads it.

    Raises
    ------
    TypeError
        If it is no recurrent estimator.
    NotFittedError
        If it has not been fitted.
    ValueError
        If its parameters describe another network than its fitted attributes hold.
    """
    if not isinstance(estimator, BaseRNN):
        hint = " Of a search, take its best_estimator_." if hasattr(estimator, "best_estimator_") else ""
        raise TypeError(
            f"{who} got an object of type {type(estimator).__name__}; expected a fitted RNNRegressor or RNNClassifier."
            f"{hint}"
        )
    network, theta = read_fitted(estimator)
    layout = network.layout
    return FittedNetwork(
        cell=estimator.cell,
        activation=estimator.activation,
        return_sequences=bool(estimator.return_sequences),
        n_features=layout.n_features,
        layout=layout,
        parameters=layout.views(theta),
    )
