"""The network of PyTorch as an estimator of skorch, in a module that the workers of a search can import."""

import numpy as np
import torch
from sklearn.preprocessing import FunctionTransformer
from skorch import NeuralNetRegressor

from benchmarks.speed.contestants.of_torch import Network


def make_regressor(cell: str, n_epochs: int, batch_size: int) -> NeuralNetRegressor:
    """Return what goes through all its epochs in shuffled minibatches, holds nothing out and prints nothing."""
    return NeuralNetRegressor(
        Network,
        module__cell=cell,
        module__n_features=1,
        module__hidden_size=8,
        optimizer=torch.optim.Adam,
        max_epochs=n_epochs,
        batch_size=batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )


def make_copies() -> FunctionTransformer:
    """Return what copies windows, which are read-only views: a tensor has to be writeable."""
    return FunctionTransformer(np.array)
