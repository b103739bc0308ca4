"""An objective that remembers its answers, for a run that is to go on where it was interrupted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, final

import numpy as np

#: What answers may take in memory, and in a file. Those that no longer fit are computed once more when a run goes on.
_MAX_BYTES = 2**28

Answer = tuple[float, np.ndarray]
"""The objective, where it is part of the answer, and a vector."""


@final
@dataclass(frozen=True)
class Evaluations:
    """Where a run began, and what has been answered to it since.

    The methods of SciPy keep to themselves what they remember of earlier steps. But all that they do follows from where
    they begin and from what the objective answers: one that gets the same answers stands where the other stood, to the
    last bit, and at no cost.

    Attributes
    ----------
    start : ndarray of shape (n_parameters,)
        Where the run began.
    n_iter : int
        How many iterations it had behind it there: more than none where an interrupted run could not be repeated.
    answers : dict of int to Answer
        By a digest of the question, in the order in which they came. The vectors have the dtype of `start`.
    """

    start: np.ndarray
    n_iter: int = 0
    answers: dict[int, Answer] = field(default_factory=dict)


@final
class RecordedObjective:
    """An objective over all the data, as the methods of SciPy see it, that answers no question twice.

    Parameters
    ----------
    objective : object
        A FullObjective that is a SumOfSquares too where that is asked for.
    evaluations : Evaluations
        What is known, to which what is asked is added.
    is_recording : bool
        Whether it is.
    """

    def __init__(self, objective: Any, evaluations: Evaluations, *, is_recording: bool) -> None:
        self.objective = objective
        self.dtype: np.dtype = objective.dtype
        self.evaluations = evaluations
        self.is_recording = is_recording
        self._n_bytes_left = _MAX_BYTES - sum(vector.nbytes for _, vector in evaluations.answers.values())

    @property
    def n_residuals(self) -> int:
        """Return how many residuals there are."""
        return self.objective.n_residuals

    def full(self, theta: np.ndarray) -> Answer:
        """Return the objective and its gradient."""
        return self._answer(self.objective.full, len(theta), "full", theta)

    def gauss_newton_product(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the Gauss-Newton matrix times `direction`."""
        product = _without_loss(self.objective.gauss_newton_product)
        return self._answer(product, len(theta), "gauss_newton_product", theta, direction)[1]

    def gauss_newton_matrix(self, theta: np.ndarray) -> np.ndarray:
        """Return the Gauss-Newton matrix."""
        n = len(theta)
        matrix = _without_loss(lambda theta: self.objective.gauss_newton_matrix(theta).ravel())
        return self._answer(matrix, n * n, "gauss_newton_matrix", theta)[1].reshape(n, n)

    def loss_and_residuals(self, theta: np.ndarray) -> Answer:
        """Return the objective, and residuals of which half the squares add up to it."""
        return self._answer(self.objective.loss_and_residuals, self.n_residuals, "loss_and_residuals", theta)

    def residuals_and_jacobian(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the residuals and their derivative."""
        n, question = self.n_residuals, _digest("residuals_and_jacobian", theta)
        known = self._known(question, n * (len(theta) + 1))
        if known is not None:
            return known[1][:n], known[1][n:].reshape(n, len(theta))
        residuals, jacobian = self.objective.residuals_and_jacobian(theta)
        if self._has_room(residuals.nbytes + jacobian.nbytes):  # or they need not be put together
            self._keep(question, 0.0, np.concatenate([residuals, jacobian.ravel()]))
        return residuals, jacobian

    def jacobian_product(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the Jacobian times `direction`."""
        product = _without_loss(self.objective.jacobian_product)
        return self._answer(product, self.n_residuals, "jacobian_product", theta, direction)[1]

    def transposed_jacobian_product(self, theta: np.ndarray, d_residuals: np.ndarray) -> np.ndarray:
        """Return the transposed Jacobian times `d_residuals`."""
        product = _without_loss(self.objective.transposed_jacobian_product)
        return self._answer(product, len(theta), "transposed_jacobian_product", theta, d_residuals)[1]

    def _answer(self, ask: Callable[..., Answer], n_entries: int, name: str, *where: np.ndarray) -> Answer:
        """Return what was answered to this question, or ask it."""
        question = _digest(name, *where)
        known = self._known(question, n_entries)
        if known is not None:
            return known
        loss, vector = ask(*where)
        if self._has_room(vector.nbytes):
            self._keep(question, loss, vector.copy())
        return loss, vector

    def _known(self, question: int, n_entries: int) -> Answer | None:
        """Return a copy of what was answered to this question, if it is a vector of so many entries."""
        loss, vector = self.evaluations.answers.get(question, (0.0, None))
        return None if vector is None or len(vector) != n_entries else (loss, vector.copy())

    def _has_room(self, n_bytes: int) -> bool:
        """Tell whether a vector of so many bytes is to be recorded."""
        return self.is_recording and n_bytes <= self._n_bytes_left

    def _keep(self, question: int, loss: float, vector: np.ndarray) -> None:
        """Record an answer."""
        self.evaluations.answers[question] = (loss, vector)
        self._n_bytes_left -= vector.nbytes


def _without_loss(ask: Callable[..., np.ndarray]) -> Callable[..., Answer]:
    """Return the function whose answers have a loss of zero beside the vector."""
    return lambda *where: (0.0, ask(*where))


def _digest(name: str, *where: np.ndarray) -> int:
    """Return what tells a question from all others, 64 bits."""
    digest = blake2b(name.encode(), digest_size=8)
    for array in where:
        digest.update(np.ascontiguousarray(array).data)
    return int.from_bytes(digest.digest(), "little")
