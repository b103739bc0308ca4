"""What a fitted estimator makes of the raw outputs of its network."""

from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
from sklearn.base import is_classifier


@final
@dataclass(frozen=True)
class Answers:
    """How answers follow from raw outputs.

    Attributes
    ----------
    kind : {"numbers", "exponentials", "quantiles", "two classes", "classes", "labels"}
        Raw outputs as they are, their exponentials, or for each target in increasing order; probabilities of two
        classes, whose only output is that of the second, of several classes, or of independent labels.
    shape : tuple of int
        Of the answer to a sequence, or to a timestep: (), (n_targets,), (n_levels,), (n_targets, n_levels) or
        (n_classes,).
    """

    kind: Literal["numbers", "exponentials", "quantiles", "two classes", "classes", "labels"]
    shape: tuple[int, ...]


def read_answers(estimator: Any) -> Answers:
    """Return what a fitted regressor predicts, or the probabilities of a fitted classifier."""
    if is_classifier(estimator):
        n_classes = len(estimator.classes_)
        if estimator._is_multilabel:
            return Answers("labels", (n_classes,))
        return Answers("two classes" if n_classes == 2 else "classes", (n_classes,))
    loss = estimator._make_loss()
    column = np.zeros((estimator.n_outputs_, 1))
    shape = estimator._answers_of_raw()["predict"](column).shape[1:]
    if loss.n_outputs_per_target > 1:
        return Answers("quantiles", shape)  # levels are the last axis
    return Answers("exponentials" if loss.link == "log" else "numbers", shape)
