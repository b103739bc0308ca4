"""What a fitted estimator makes of the raw outputs of its network."""

from dataclasses import dataclass
from typing import Any, Literal, final


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
    encoder = estimator._target_encoder()
    return Answers(encoder.kind, encoder.shape)
