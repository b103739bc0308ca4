"""Tests of the objective that remembers its answers."""

import numpy as np
import pytest

from skrnn.solvers import _recorded as module
from skrnn.solvers._recorded import Evaluations, RecordedObjective

A = np.array([[2.0, 1.0], [0.0, 3.0], [1.0, 1.0]])
b = np.array([1.0, -1.0, 0.5])
THETA, OTHER = np.array([0.3, -0.2]), np.array([0.3, 0.2])


class LeastSquares:
    """Half the square of A theta - b, which counts what it is asked."""

    dtype = np.dtype(np.float64)
    n_residuals = 3

    def __init__(self):
        self.n_asked = 0

    def full(self, theta):
        self.n_asked += 1
        residuals = A @ theta - b
        return 0.5 * residuals @ residuals, A.T @ residuals

    def gauss_newton_product(self, theta, direction):
        self.n_asked += 1
        return A.T @ (A @ direction)

    def gauss_newton_matrix(self, theta):
        self.n_asked += 1
        return A.T @ A

    def loss_and_residuals(self, theta):
        self.n_asked += 1
        return self.full(theta)[0], A @ theta - b

    def residuals_and_jacobian(self, theta):
        self.n_asked += 1
        return A @ theta - b, A.copy()

    def jacobian_product(self, theta, direction):
        self.n_asked += 1
        return A @ direction

    def transposed_jacobian_product(self, theta, d_residuals):
        self.n_asked += 1
        return A.T @ d_residuals


QUESTIONS = [
    ("full", ()),
    ("gauss_newton_product", (OTHER,)),
    ("gauss_newton_matrix", ()),
    ("loss_and_residuals", ()),
    ("residuals_and_jacobian", ()),
    ("jacobian_product", (OTHER,)),
    ("transposed_jacobian_product", (b,)),
]
each_question = pytest.mark.parametrize(("name", "further"), QUESTIONS, ids=[name for name, _ in QUESTIONS])


def parts(answer):
    return answer if isinstance(answer, tuple) else (answer,)


def assert_same_answer(one, other):
    for first, second in zip(parts(one), parts(other), strict=True):
        np.testing.assert_array_equal(first, second)
        assert np.shape(first) == np.shape(second)


@each_question
def test_answers_as_the_objective_does_and_asks_it_once(name, further):
    objective = LeastSquares()
    recorded = RecordedObjective(objective, Evaluations(THETA), is_recording=True)
    expected = getattr(LeastSquares(), name)(THETA, *further)
    assert_same_answer(getattr(recorded, name)(THETA, *further), expected)
    n_asked = objective.n_asked
    answer = getattr(recorded, name)(THETA.copy(), *further)
    assert_same_answer(answer, expected)
    assert objective.n_asked == n_asked
    for part in parts(answer):  # whose fate is the asker's business
        if isinstance(part, np.ndarray):
            part[...] = np.nan
    assert_same_answer(getattr(recorded, name)(THETA, *further), expected)


@each_question
def test_what_is_known_is_not_asked_where_there_is_no_room(name, further, monkeypatch):
    evaluations = Evaluations(THETA)
    getattr(RecordedObjective(LeastSquares(), evaluations, is_recording=True), name)(THETA, *further)
    monkeypatch.setattr(module, "_MAX_BYTES", 0)
    objective = LeastSquares()
    for is_recording in (True, False):
        recorded = RecordedObjective(objective, evaluations, is_recording=is_recording)
        assert_same_answer(getattr(recorded, name)(THETA, *further), getattr(LeastSquares(), name)(THETA, *further))
    assert objective.n_asked == 0


def test_no_question_is_taken_for_another():
    recorded = RecordedObjective(LeastSquares(), Evaluations(THETA), is_recording=True)
    for _ in range(2):
        for theta in (THETA, OTHER):
            for name, further in QUESTIONS:
                expected = getattr(LeastSquares(), name)(theta, *further)
                assert_same_answer(getattr(recorded, name)(theta, *further), expected)
    assert_same_answer(recorded.gauss_newton_product(THETA, THETA), A.T @ A @ THETA)
    assert len(recorded.evaluations.answers) == 2 * len(QUESTIONS) + 1


@each_question
def test_records_only_what_it_is_told_to(name, further):
    objective = LeastSquares()
    recorded = RecordedObjective(objective, Evaluations(THETA), is_recording=False)
    getattr(recorded, name)(THETA, *further)
    assert recorded.evaluations.answers == {}


@each_question
def test_records_no_more_than_there_is_room_for(name, further, monkeypatch):
    monkeypatch.setattr(module, "_MAX_BYTES", 9 * 8)
    known = {0: (0.0, np.zeros(8))}
    recorded = RecordedObjective(LeastSquares(), Evaluations(THETA, answers=known), is_recording=True)
    for theta in (THETA, OTHER):  # the second time with what is known and has no room
        assert_same_answer(getattr(recorded, name)(theta, *further), getattr(LeastSquares(), name)(theta, *further))
    assert list(known) == [0]


def test_room_is_used_up_to_the_last_byte(monkeypatch):
    monkeypatch.setattr(module, "_MAX_BYTES", 2 * 8 + 9 * 8)
    recorded = RecordedObjective(LeastSquares(), Evaluations(THETA), is_recording=True)
    recorded.full(THETA)
    recorded.residuals_and_jacobian(THETA)
    assert len(recorded.evaluations.answers) == 2
    recorded.full(OTHER)
    assert len(recorded.evaluations.answers) == 2


@each_question
def test_an_answer_of_another_length_is_none(name, further):
    """A file may have come to say anything."""
    evaluations = Evaluations(THETA)
    getattr(RecordedObjective(LeastSquares(), evaluations, is_recording=True), name)(THETA, *further)
    evaluations.answers.update({question: (9.0, np.zeros(1)) for question in evaluations.answers})
    recorded = RecordedObjective(LeastSquares(), evaluations, is_recording=True)
    assert_same_answer(getattr(recorded, name)(THETA, *further), getattr(LeastSquares(), name)(THETA, *further))
