"""Tests of Gauss-Newton products, residuals and their Jacobian, over all the data, against differences of outputs."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise, product

import numpy as np
import pytest

from skrnn.losses._losses import LOSSES
from skrnn.network import _full_objectives, _inference, _layer_workspace
from skrnn.network._full_objectives import Linearisation
from skrnn.network._inference import split
from skrnn.network._network import Network
from skrnn.sequences._batches import Batch
from skrnn.sequences._targets import Targets
from tests.differences import jacobian, slopes
from tests.problems import (
    CELL_ACTIVATIONS,
    PARTLY_MISSING,
    PROBLEMS,
    READINGS,
    STACKS,
    EveryForm,
    Problem,
    make_objective,
)

CELLS_WITH_ACTIVATIONS = pytest.mark.axis(("cell_name", "activation"), CELL_ACTIVATIONS)
EVERY_STACK = pytest.mark.axis("hidden_layer_sizes", STACKS.values(), ids=STACKS)
EVERY_PROBLEM = pytest.mark.axis("problem", PROBLEMS.values(), ids=PROBLEMS)
EVERY_DIRECTION = pytest.mark.axis("bidirectional", [False, True], ids=["forward", "bidirectional"])
ALL_AT_ONCE = PROBLEMS["all at once"]
AT_EVERY_TIMESTEP = PROBLEMS["all at once, at every timestep"]
EVERY_READING = pytest.mark.axis("problem", READINGS.values(), ids=READINGS)
MUCH_AT_ONCE = pytest.mark.axis(
    "problem",
    [ALL_AT_ONCE, AT_EVERY_TIMESTEP, PARTLY_MISSING],
    ids=["last", "every timestep", "partly missing"],
)
EVERY_LOSS = pytest.mark.axis("loss_name", LOSSES)
#: Losses whose curvature is their Hessian: the others are piecewise linear.
SMOOTH_LOSSES = [name for name in LOSSES if name not in {"absolute_error", "quantile"}]
EVERY_SMOOTH_LOSS = pytest.mark.axis("loss_name", SMOOTH_LOSSES)
ALPHA = 0.3


def random_like(array, seed=1):
    """Return random numbers of the same shape and dtype."""
    return np.random.default_rng(seed).normal(size=array.shape).astype(array.dtype)


def with_targets(objective, targets, alpha=ALPHA, **options):
    """Return the same objective with other targets."""
    return EveryForm(objective.network, objective.loss, objective.sequences, targets, alpha, **options)


def part_of_the_mean(objective):
    """Return the factor of each column's loss in the mean over targets that are not missing, (n_columns,)."""
    weights, present = objective.targets.weights, objective.targets.present
    weights = np.ones(len(objective.targets)) if weights is None else weights
    shares = np.ones_like(weights) if present is None else present.mean(axis=0)
    return weights / (weights @ shares)


def curvatures(objective, raw):
    """Return the Hessian of each column's loss by differences of its gradient, (n_outputs, n_outputs, n_columns)."""

    def gradient(raw):
        d_raw = np.empty_like(raw)
        objective.loss.loss_gradient(objective.targets.values, raw, d_raw, objective.targets.present)
        return d_raw

    units = np.eye(len(raw))[..., np.newaxis]
    return np.stack([slopes(gradient, raw, np.broadcast_to(unit, raw.shape)) for unit in units])


def bent_by(objective, theta, first, second):
    """Return first' G second, with G as it is documented, by differences of the outputs."""
    t_first, t_second = (slopes(objective.raw, theta, direction) for direction in (first, second))
    of_columns = np.einsum("kn,kln,ln->n", t_first, curvatures(objective, objective.raw(theta)), t_second)
    is_weight = objective.network.layout.is_weight()
    return part_of_the_mean(objective) @ of_columns + ALPHA * first[is_weight] @ second[is_weight]


def matrix_by_differences(objective, theta):
    """Return G, (n_parameters, n_parameters), as it is documented, by differences of the outputs."""
    of_outputs = jacobian(objective.raw, theta)
    weighted = curvatures(objective, objective.raw(theta)) * part_of_the_mean(objective)
    of_data = np.einsum("kni,kln,lnj->ij", of_outputs, weighted, of_outputs, optimize=True)
    return of_data + ALPHA * np.diag(objective.network.layout.is_weight())


def matrix_of_products(objective, theta):
    """Return G column after column."""
    return np.stack([objective.gauss_newton_product(theta, unit) for unit in np.eye(len(theta))], axis=1)


# The Gauss-Newton matrix


def check_product(objective, theta):
    first, second = random_like(theta, 1), random_like(theta, 2)
    expected = bent_by(objective, theta, first, second)
    actual = first @ objective.gauss_newton_product(theta, second)
    assert actual == pytest.approx(expected, rel=1e-6, abs=1e-7)
    assert second @ objective.gauss_newton_product(theta, first) == pytest.approx(actual, rel=1e-10, abs=1e-12)


@CELLS_WITH_ACTIVATIONS
@EVERY_PROBLEM
@EVERY_DIRECTION
def test_product_on_the_zoo(cell_name, activation, problem, bidirectional):
    objective, theta = make_objective(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=(3, 2),
        loss_name="multinomial_log_loss",
        alpha=ALPHA,
        bidirectional=bidirectional,
    )
    check_product(objective, theta)


@CELLS_WITH_ACTIVATIONS
@EVERY_STACK
@EVERY_DIRECTION
@EVERY_READING
def test_product_of_every_stack(cell_name, activation, hidden_layer_sizes, problem, bidirectional):
    objective, theta = make_objective(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=hidden_layer_sizes,
        loss_name="multinomial_log_loss",
        alpha=ALPHA,
        bidirectional=bidirectional,
    )
    check_product(objective, theta)


@EVERY_PROBLEM
@EVERY_SMOOTH_LOSS
@EVERY_DIRECTION
def test_product_of_every_loss(problem, loss_name, bidirectional):
    objective, theta = make_objective(
        problem,
        cell_name="gru",
        hidden_layer_sizes=(3, 2),
        loss_name=loss_name,
        alpha=ALPHA,
        bidirectional=bidirectional,
    )
    check_product(objective, theta)


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@pytest.mark.axis("loss_name", [name for name in SMOOTH_LOSSES if name != "multinomial_log_loss"])
def test_product_where_targets_lack_some_outputs(cell_name, activation, loss_name, bidirectional):
    objective, theta = make_objective(
        PARTLY_MISSING,
        cell_name=cell_name,
        activation=activation,
        loss_name=loss_name,
        alpha=ALPHA,
        bidirectional=bidirectional,
    )
    check_product(objective, theta)


@EVERY_DIRECTION
@pytest.mark.axis("return_sequences", [False, True])
def test_product_of_a_large_network(bidirectional, return_sequences):
    problem = Problem(40, 25, 10, 4, masks="anywhere", weighted=True, return_sequences=return_sequences)
    objective, theta = make_objective(
        problem, cell_name="gru", hidden_layer_sizes=(20, 20), alpha=ALPHA, bidirectional=bidirectional
    )
    check_product(objective, 0.3 * theta)


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@EVERY_READING
def test_every_entry_of_the_matrix(cell_name, activation, problem, bidirectional):
    objective, theta = make_objective(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=(2, 1),
        loss_name="multinomial_log_loss",
        alpha=ALPHA,
        bidirectional=bidirectional,
    )
    matrix = matrix_of_products(objective, theta)
    np.testing.assert_allclose(matrix, matrix_by_differences(objective, theta), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(objective.gauss_newton_matrix(theta), matrix, rtol=1e-10, atol=1e-13)


@EVERY_LOSS
@EVERY_DIRECTION
@EVERY_READING
def test_matrix_is_symmetric_and_positive_semi_definite(loss_name, problem, bidirectional):
    objective, theta = make_objective(
        problem, cell_name="gru", hidden_layer_sizes=(1, 1), loss_name=loss_name, bidirectional=bidirectional
    )
    matrix = matrix_of_products(objective, theta)
    eigenvalues = np.linalg.eigvalsh(matrix)
    assert eigenvalues[0] > -1e-12 * eigenvalues[-1]
    assert eigenvalues[-1] > 0.0
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-10, atol=1e-12 * eigenvalues[-1])
    np.testing.assert_allclose(objective.gauss_newton_matrix(theta), matrix, rtol=1e-9, atol=1e-12 * eigenvalues[-1])
    for seed in range(5):
        direction = random_like(theta, seed)
        assert direction @ objective.gauss_newton_product(theta, direction) >= 0.0


@CELLS_WITH_ACTIVATIONS
@EVERY_SMOOTH_LOSS
@EVERY_DIRECTION
@EVERY_READING
def test_matrix_is_the_hessian_where_every_target_is_met(cell_name, activation, loss_name, problem, bidirectional):
    """The terms that Gauss-Newton leaves out are multiplied by the slopes of the loss, which are zero there."""
    made, theta = make_objective(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=(3, 2),
        loss_name=loss_name,
        bidirectional=bidirectional,
    )
    met = made.loss.predict(made.raw(theta))
    objective = with_targets(made, Targets(met, made.targets.weights, made.targets.present))
    direction = random_like(theta)
    expected = slopes(lambda theta: objective.full(theta)[1], theta, direction)
    np.testing.assert_allclose(objective.gauss_newton_product(theta, direction), expected, rtol=1e-6, atol=1e-6)


@EVERY_SMOOTH_LOSS
@EVERY_DIRECTION
@EVERY_READING
def test_matrix_is_the_hessian_of_the_readout_alone(loss_name, problem, bidirectional):
    """The outputs are linear in the parameters of the readout, for any targets."""
    objective, theta = make_objective(
        problem,
        cell_name="gru",
        hidden_layer_sizes=(3, 2),
        loss_name=loss_name,
        alpha=ALPHA,
        bidirectional=bidirectional,
    )
    of_readout = np.zeros_like(theta)
    objective.network.layout.views(of_readout).readout.matrix[...] = 1.0
    direction = of_readout * random_like(theta)
    expected = of_readout * slopes(lambda theta: objective.full(theta)[1], theta, direction)
    actual = of_readout * objective.gauss_newton_product(theta, direction)
    assert actual.any()
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-8)


@CELLS_WITH_ACTIVATIONS
@EVERY_STACK
def test_penalty_adds_alpha_on_the_weights_and_nothing_on_the_biases(cell_name, activation, hidden_layer_sizes):
    make = partial(make_objective, ALL_AT_ONCE, cell_name=cell_name, activation=activation)
    free, theta = make(hidden_layer_sizes=hidden_layer_sizes)
    penalised, _ = make(hidden_layer_sizes=hidden_layer_sizes, alpha=ALPHA)
    direction = random_like(theta)
    difference = penalised.gauss_newton_product(theta, direction) - free.gauss_newton_product(theta, direction)
    views, along = (free.network.layout.views(array) for array in (difference, direction))
    np.testing.assert_allclose(views.readout.weights, ALPHA * along.readout.weights, atol=1e-14)
    assert not views.readout.bias.any()
    for layer, layer_along in zip(views.layers, along.layers, strict=True):
        np.testing.assert_allclose(layer.recurrent_weights, ALPHA * layer_along.recurrent_weights, atol=1e-14)
        np.testing.assert_allclose(layer.input_weights, ALPHA * layer_along.input_weights, atol=1e-14)
        assert not layer.biases.any()


# Residuals


def expected_residuals(objective, theta, alpha=ALPHA):
    """Return the residuals in their documented order: column after column, then the weights."""
    errors = objective.raw(theta) - objective.targets.values
    if objective.targets.present is not None:
        errors *= objective.targets.present
    errors *= np.sqrt(part_of_the_mean(objective) / len(errors))
    weights = theta[objective.network.layout.is_weight()] if alpha else []
    return np.concatenate([errors.T.ravel(), np.sqrt(alpha) * np.array(weights)])


RESIDUAL_PROBLEMS = {**PROBLEMS, "partly missing": PARTLY_MISSING}
EVERY_RESIDUAL_PROBLEM = pytest.mark.axis("problem", RESIDUAL_PROBLEMS.values(), ids=RESIDUAL_PROBLEMS)


@EVERY_RESIDUAL_PROBLEM
@EVERY_DIRECTION
@pytest.mark.axis("alpha", [0.0, ALPHA])
def test_residuals_come_in_their_order_and_half_their_squares_are_the_objective(problem, bidirectional, alpha):
    objective, theta = make_objective(
        problem, cell_name="gru", hidden_layer_sizes=(3, 2), alpha=alpha, bidirectional=bidirectional
    )
    loss, residuals = objective.loss_and_residuals(theta)
    assert residuals.shape == (objective.n_residuals,)
    np.testing.assert_allclose(residuals, expected_residuals(objective, theta, alpha), rtol=1e-11, atol=1e-14)
    assert loss == objective.full(theta)[0]
    assert 0.5 * residuals @ residuals == pytest.approx(loss, rel=1e-12)
    again, _ = objective.residuals_and_jacobian(theta)
    np.testing.assert_array_equal(again, residuals)


@CELLS_WITH_ACTIVATIONS
@EVERY_RESIDUAL_PROBLEM
@EVERY_DIRECTION
def test_jacobian_gives_every_other_derivative(cell_name, activation, problem, bidirectional):
    objective, theta = make_objective(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=(2, 1),
        alpha=ALPHA,
        bidirectional=bidirectional,
    )
    direction = random_like(theta)
    residuals, rows = objective.residuals_and_jacobian(theta)
    assert rows.shape == (len(residuals), len(theta))
    close = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-12)
    close(residuals @ rows, objective.full(theta)[1])
    close(rows @ direction, objective.jacobian_product(theta, direction))
    d_residuals = random_like(residuals)
    close(d_residuals @ rows, objective.transposed_jacobian_product(theta, d_residuals))
    close((rows @ direction) @ rows, objective.gauss_newton_product(theta, direction))
    close(rows.T @ rows, objective.gauss_newton_matrix(theta))


@CELLS_WITH_ACTIVATIONS
@EVERY_RESIDUAL_PROBLEM
@EVERY_DIRECTION
def test_jacobian_along_a_random_direction(cell_name, activation, problem, bidirectional):
    objective, theta = make_objective(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=(3, 2),
        alpha=ALPHA,
        bidirectional=bidirectional,
    )
    direction = random_like(theta)
    expected = slopes(partial(expected_residuals, objective), theta, direction)
    _, rows = objective.residuals_and_jacobian(theta)
    np.testing.assert_allclose(rows @ direction, expected, rtol=1e-6, atol=1e-8)


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@MUCH_AT_ONCE
def test_every_entry_of_the_jacobian(cell_name, activation, problem, bidirectional):
    objective, theta = make_objective(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=(2, 1),
        alpha=ALPHA,
        bidirectional=bidirectional,
    )
    _, rows = objective.residuals_and_jacobian(theta)
    expected = jacobian(partial(expected_residuals, objective), theta)
    np.testing.assert_allclose(rows, expected, rtol=1e-6, atol=1e-8)
    is_weight = objective.network.layout.is_weight()
    np.testing.assert_allclose(rows[-is_weight.sum() :], np.sqrt(ALPHA) * np.eye(len(theta))[is_weight], rtol=1e-15)


@pytest.mark.axis("loss_name", [name for name, loss in LOSSES.items() if not loss.has_residuals])
def test_loss_that_is_no_sum_of_squares_has_no_residuals(loss_name):
    objective, theta = make_objective(ALL_AT_ONCE, loss_name=loss_name, alpha=ALPHA)
    expected = objective.full(theta)
    d_residuals = np.zeros(objective.n_residuals)
    with pytest.raises(NotImplementedError, match="not a sum of squares"):
        objective.loss_and_residuals(theta)
    with pytest.raises(NotImplementedError, match="not a sum of squares"):
        objective.residuals_and_jacobian(theta)
    with pytest.raises(NotImplementedError, match="not a sum of squares"):
        objective.jacobian_product(theta, theta)
    with pytest.raises(NotImplementedError, match="not a sum of squares"):
        objective.transposed_jacobian_product(theta, d_residuals)
    loss, gradient = objective.full(theta)
    assert loss == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])


# All evaluations of an objective, in any order and with any workers


def minibatch_gradient(objective, theta):
    """Return the gradient of a minibatch, which has other workspaces."""
    gradient = np.full(theta.shape, np.nan, objective.dtype)
    objective(theta.astype(objective.dtype), Batch.of(objective.sequences, np.array([1, 3, 4])), gradient)
    return gradient


#: All evaluations at theta and along random directions.
QUESTIONS = {
    "gradient": lambda objective, theta: objective.full(theta)[1],
    "product": lambda objective, theta: objective.gauss_newton_product(theta, random_like(theta)),
    "matrix": lambda objective, theta: objective.gauss_newton_matrix(theta),
    "residuals": lambda objective, theta: objective.loss_and_residuals(theta)[1],
    "Jacobian": lambda objective, theta: objective.residuals_and_jacobian(theta)[1],
    "Jacobian product": lambda objective, theta: objective.jacobian_product(theta, random_like(theta)),
    "transposed Jacobian product": lambda objective, theta: objective.transposed_jacobian_product(
        theta, random_like(np.empty(objective.n_residuals, theta.dtype))
    ),
}
EVERY_QUESTION = pytest.mark.axis("ask", QUESTIONS.values(), ids=QUESTIONS)


def ask_everything(objective, theta):
    """Return all results, with those of minibatches in between."""
    return {name: (ask(objective, theta), minibatch_gradient(objective, theta)) for name, ask in QUESTIONS.items()}


def cut(monkeypatch, chunk_size):
    """Set the number of sequences per chunk."""
    monkeypatch.setattr(_inference, "_MIN_CHUNK_SIZE", 1)
    monkeypatch.setattr(_inference, "_CHUNK_SIZE", chunk_size)


def backwards(function, *arguments):
    """Like `map`, but computes the last chunk first."""
    calls = list(zip(*arguments, strict=False))
    answers = {position: function(*calls[position]) for position in reversed(range(len(calls)))}
    return [answers[position] for position in range(len(calls))]


@pytest.fixture
def forward_passes(monkeypatch):
    """Return a list that grows with every forward pass of any network."""
    passes, forward = [], Network.forward

    def counted(self, *arguments):
        passes.append(self)
        return forward(self, *arguments)

    monkeypatch.setattr(Network, "forward", counted)
    return passes


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@MUCH_AT_ONCE
def test_chunks_of_any_size_give_the_same(cell_name, activation, problem, bidirectional, monkeypatch):
    make = partial(make_objective, problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2))
    make = partial(make, alpha=ALPHA, bidirectional=bidirectional)
    objective, theta = make()
    expected = {name: ask(objective, theta) for name, ask in QUESTIONS.items()}
    loss, _ = objective.loss_and_residuals(theta)
    cut(monkeypatch, 2)
    in_chunks, _ = make()
    assert in_chunks.loss_and_residuals(theta)[0] == pytest.approx(loss, rel=1e-12)
    assert len(split(in_chunks.network, in_chunks.sequences)) == -(-problem.n_samples // 2)
    for name in (*QUESTIONS, *QUESTIONS):  # the second time in workspaces that have been used
        answer = QUESTIONS[name](in_chunks, theta)
        np.testing.assert_allclose(answer, expected[name], rtol=1e-10, atol=1e-13, err_msg=name)


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@MUCH_AT_ONCE
def test_blocks_and_groups_of_any_size_give_the_same(cell_name, activation, problem, bidirectional, monkeypatch):
    make = partial(make_objective, problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2))
    make = partial(make, alpha=ALPHA, bidirectional=bidirectional)
    objective, theta = make()
    expected = {name: ask(objective, theta) for name, ask in QUESTIONS.items()}
    monkeypatch.setattr(_layer_workspace, "_BLOCK_BYTES", 1)
    monkeypatch.setattr(_full_objectives, "_GRADIENT_BYTES", 1)
    monkeypatch.setattr(_full_objectives, "_COLUMNS_AT_ONCE", 3)
    in_blocks, _ = make()
    for name, ask in QUESTIONS.items():
        np.testing.assert_allclose(ask(in_blocks, theta), expected[name], rtol=1e-10, atol=1e-13, err_msg=name)


@EVERY_DIRECTION
@MUCH_AT_ONCE
@pytest.mark.axis("cell_name", ["gru", "lstm"])
def test_any_map_gives_the_same_bit_for_bit(cell_name, problem, bidirectional, monkeypatch):
    cut(monkeypatch, 2)
    made, theta = make_objective(problem, cell_name=cell_name, hidden_layer_sizes=(3, 2), bidirectional=bidirectional)
    plain = with_targets(made, made.targets)
    expected = {name: ask(plain, theta) for name, ask in QUESTIONS.items()}
    loss, _ = plain.loss_and_residuals(theta)
    with ThreadPoolExecutor(4) as pool:
        for map_chunks in (pool.map, backwards):
            mapped = with_targets(made, made.targets, map_chunks=map_chunks)
            for name in (*QUESTIONS, *QUESTIONS):
                np.testing.assert_array_equal(QUESTIONS[name](mapped, theta), expected[name], err_msg=name)
            assert mapped.loss_and_residuals(theta)[0] == loss


def in_every_order(names):
    """Yield names such that each follows each, itself included, once: the sequence of de Bruijn of their pairs."""
    for i, first in enumerate(names):
        yield first
        for second in names[i + 1 :]:
            yield from (first, second)
    yield names[0]


def test_every_order_is_every_pair_once():
    names = list(in_every_order("abcd"))
    assert sorted(pairwise(names)) == sorted(product("abcd", "abcd"))


@EVERY_DIRECTION
@EVERY_READING
@pytest.mark.axis("chunk_size", [3, 100])
def test_earlier_questions_do_not_matter(problem, bidirectional, chunk_size, monkeypatch):
    """Each after each other, after minibatches and at another theta: bitwise identical."""
    cut(monkeypatch, chunk_size)
    make = partial(make_objective, problem, cell_name="lstm", hidden_layer_sizes=(2, 1), alpha=ALPHA)
    used, theta = make(bidirectional=bidirectional)
    expected = {name: ask(make(bidirectional=bidirectional)[0], theta) for name, ask in QUESTIONS.items()}
    of_batch = minibatch_gradient(make(bidirectional=bidirectional)[0], theta)
    for name in in_every_order(list(QUESTIONS)):
        np.testing.assert_array_equal(QUESTIONS[name](used, theta), expected[name], err_msg=name)
    for name, ask in QUESTIONS.items():
        ask(used, theta + 0.1)
        np.testing.assert_array_equal(minibatch_gradient(used, theta), of_batch)
        np.testing.assert_array_equal(ask(used, theta), expected[name], err_msg=name)


@EVERY_QUESTION
@EVERY_READING
def test_theta_changed_in_place_is_seen(ask, problem):
    objective, theta = make_objective(problem, cell_name="gru", alpha=ALPHA)
    for other in QUESTIONS.values():
        other(objective, theta)
        theta += 0.1
        fresh, _ = make_objective(problem, cell_name="gru", alpha=ALPHA)
        np.testing.assert_array_equal(ask(objective, theta), ask(fresh, theta.copy()))


def test_a_single_entry_of_theta_changed_in_place_is_seen():
    objective, theta = make_objective(ALL_AT_ONCE, cell_name="gru", alpha=ALPHA)
    for i in range(len(theta)):
        objective.full(theta)
        theta[i] = np.nextafter(theta[i], np.inf)
        objective.full(theta)
        np.testing.assert_array_equal(objective.over_all_data.chunks._theta, theta)


@EVERY_QUESTION
@MUCH_AT_ONCE
def test_answers_are_new_arrays_and_what_is_given_is_only_read(ask, problem):
    objective, theta = make_objective(problem, cell_name="lstm", alpha=ALPHA)
    theta.flags.writeable = False
    answer = ask(objective, theta)
    kept = answer.copy()
    ask_everything(objective, theta)
    ask_everything(objective, -theta)
    np.testing.assert_array_equal(answer, kept)
    answer[...] = np.nan
    np.testing.assert_array_equal(ask(objective, theta), kept)


@EVERY_QUESTION
def test_directions_are_only_read(ask, monkeypatch):
    def read_only(array, seed=1):
        numbers = np.random.default_rng(seed).normal(size=array.shape)
        numbers.flags.writeable = False
        return numbers

    monkeypatch.setitem(globals(), "random_like", read_only)
    assert np.isfinite(ask(*make_objective(ALL_AT_ONCE, alpha=ALPHA))).all()


@EVERY_DIRECTION
@EVERY_READING
@pytest.mark.axis("diverged", [np.inf, np.nan], ids=str)
def test_diverged_theta_leaves_nothing_behind(problem, bidirectional, diverged, monkeypatch):
    cut(monkeypatch, 3)
    make = partial(make_objective, problem, cell_name="gru", hidden_layer_sizes=(3, 2), alpha=ALPHA)
    used, theta = make(bidirectional=bidirectional)
    expected = {name: ask(make(bidirectional=bidirectional)[0], theta) for name, ask in QUESTIONS.items()}
    for name, ask in QUESTIONS.items():
        with np.errstate(all="ignore"):
            for other in QUESTIONS.values():
                other(used, np.full_like(theta, diverged))
        np.testing.assert_array_equal(ask(used, theta), expected[name], err_msg=name)


@EVERY_READING
@pytest.mark.axis(
    ("dtype", "given_dtype"), [(np.float64, np.float64), (np.float32, np.float32), (np.float32, np.float64)]
)
def test_the_same_numbers_need_one_forward_pass_in_each_form(problem, dtype, given_dtype, forward_passes):
    """Independent of the caller: SciPy passes float64 copies."""
    objective, _ = make_objective(problem, hidden_layer_sizes=(3, 2), alpha=ALPHA, dtype=dtype)
    _, theta = make_objective(problem, hidden_layer_sizes=(3, 2), dtype=given_dtype)
    for ask in (*QUESTIONS.values(), *QUESTIONS.values()):
        ask(objective, theta.copy())
    assert len(forward_passes) == 2
    objective.full(-theta)
    assert len(forward_passes) == 3


@EVERY_QUESTION
@EVERY_DIRECTION
@MUCH_AT_ONCE
def test_float32_stays_float32_and_is_close_to_float64(ask, problem, bidirectional):
    make = partial(make_objective, problem, cell_name="lstm", hidden_layer_sizes=(3, 2), alpha=ALPHA)
    double, theta = make(bidirectional=bidirectional)
    single, theta_32 = make(bidirectional=bidirectional, dtype=np.float32)
    expected = ask(double, theta)
    for given in (theta_32, theta):  # SciPy passes float64
        answer = ask(single, given)
        assert answer.dtype == np.float32
        np.testing.assert_allclose(answer, expected, rtol=1e-3, atol=1e-4)
    assert single.residuals_and_jacobian(theta)[0].dtype == np.float32
    assert isinstance(single.loss_and_residuals(theta)[0], float)


@EVERY_QUESTION
@pytest.mark.axis(
    "problem",
    [ALL_AT_ONCE, AT_EVERY_TIMESTEP, PARTLY_MISSING, PROBLEMS["several outputs"]],
    ids=["last", "every timestep", "partly missing", "without weights"],
)
@pytest.mark.axis("given_dtype", [np.float32, np.float64])
def test_nothing_is_promoted_on_the_way(ask, problem, given_dtype, monkeypatch):
    """Inputs and outputs of the linearised network and the loss have the dtype of the data, for any dtype of theta."""
    dtypes = set()

    def spied(method, linear, array):
        answer = method(linear, array)
        dtypes.update({array.dtype, linear.raw.dtype, answer.dtype})
        return answer

    def spied_map(function, *arguments):
        for answer in map(function, *arguments):
            if isinstance(answer, np.ndarray):
                dtypes.add(answer.dtype)
            yield answer

    def spied_curvature(loss, y, raw, t_raw, d_raw, present=None):
        dtypes.update(array.dtype for array in (y, raw, t_raw, d_raw))
        return curvature_product(loss, y, raw, t_raw, d_raw, present)

    for name in ("backward", "tangent", "jacobian"):
        method = getattr(Linearisation, name)
        monkeypatch.setattr(Linearisation, name, lambda linear, array, method=method: spied(method, linear, array))
    objective, theta = make_objective(problem, cell_name="gru", alpha=ALPHA, dtype=np.float32)
    curvature_product = type(objective.loss).curvature_product
    monkeypatch.setattr(type(objective.loss), "curvature_product", spied_curvature)
    objective.objective.map_chunks = spied_map
    ask(objective, theta.astype(given_dtype))
    assert dtypes <= {np.dtype(np.float32)}
    assert dtypes or ask is QUESTIONS["residuals"]  # which are no derivatives


@EVERY_QUESTION
@EVERY_READING
def test_truncation_and_dropout_are_for_minibatches_alone(ask, problem):
    make = partial(make_objective, problem, cell_name="lstm", hidden_layer_sizes=(3, 2), alpha=ALPHA)
    plain, theta = make()
    truncated, _ = make(bptt_steps=2)
    dropping, _ = make(dropout=0.5, recurrent_dropout=0.5, rng=np.random.RandomState(0))
    for objective in (truncated, dropping):
        for batch in objective.minibatches(4, None):
            objective(theta, batch, np.empty_like(theta))
        np.testing.assert_allclose(ask(objective, theta), ask(plain, theta), rtol=1e-12, atol=1e-14)


@EVERY_QUESTION
@EVERY_READING
def test_pickled_objective_gives_the_same(ask, problem):
    objective, theta = make_objective(problem, cell_name="lstm", hidden_layer_sizes=(3, 2), alpha=ALPHA)
    expected = ask(objective, theta)
    np.testing.assert_array_equal(ask(pickle.loads(pickle.dumps(objective)), theta), expected)


@EVERY_LOSS
@EVERY_DIRECTION
@pytest.mark.axis("return_sequences", [False, True])
def test_weight_of_zero_leaves_out_and_weight_of_two_repeats(loss_name, return_sequences, bidirectional):
    problem = Problem(n_samples=5, n_outputs=2, masks="anywhere", return_sequences=return_sequences)
    made, theta = make_objective(problem, loss_name=loss_name, bidirectional=bidirectional)
    sequences, targets = made.sequences, made.targets
    weights, repeated = np.array([1.0, 0.0, 2.0, 1.0, 0.0]), np.array([0, 2, 2, 3])
    columns = sequences.columns(repeated) if return_sequences else repeated
    weights = np.repeat(weights, sequences.lengths) if return_sequences else weights
    weighted = with_targets(made, Targets(targets.values, weights))
    rows = EveryForm(made.network, made.loss, sequences.take(repeated), targets.take(columns), ALPHA)
    direction = random_like(theta)
    expected = rows.gauss_newton_product(theta, direction)
    np.testing.assert_allclose(weighted.gauss_newton_product(theta, direction), expected, rtol=1e-10, atol=1e-12)
    if made.loss.has_residuals:
        (_, of_weights), (_, of_rows) = (objective.residuals_and_jacobian(theta) for objective in (weighted, rows))
        np.testing.assert_allclose(of_weights.T @ of_weights, of_rows.T @ of_rows, rtol=1e-10, atol=1e-13)
        left_out = np.repeat(weights == 0.0, 2)
        assert not of_weights[: len(left_out)][left_out].any()
