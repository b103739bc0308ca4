"""The PyTorch network as a skorch estimator, in a module that the workers of a search can import."""

import numpy as np
import torch
from sklearn.preprocessing import FunctionTransformer
from skorch import NeuralNetRegressor

from benchmarks.speed.contestants.of_torch import Network


def make_regressor(cell: str, n_epochs: int, batch_size: int) -> NeuralNetRegressor:
    """Return an estimator that trains for all epochs in shuffled minibatches, without validation or output."""
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
    """Return a transformer that copies windows, because tensors must be writeable."""
    return FunctionTransformer(np.array)
