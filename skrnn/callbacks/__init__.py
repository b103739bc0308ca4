"""Callbacks for fit: checkpoints to resume from, and early stopping on any scorer."""

from skrnn.callbacks._checkpoint import Checkpoint
from skrnn.callbacks._early_stopping_on import EarlyStoppingOn

__all__ = ["Checkpoint", "EarlyStoppingOn"]
