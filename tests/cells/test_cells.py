"""Tests of every cell in CELLS against the interface, and of the known ones against their equations."""

import numpy as np
import pytest

from skrnn.cells._base import Cell
from skrnn.cells._compiled import SWITCH, fastest_form, why_not_compiled
from skrnn.cells._registry import CELLS
from skrnn.network._parameters import RECURRENT_INITIALIZERS
from tests.differences import jacobian, slopes
from tests.float32 import as_plain, float32_only
from tests.gradcheck import full_gradient_check
from tests.problems import CELL_ACTIVATIONS

HIDDEN_SIZE, N_SEQUENCES, N_TIMESTEPS = 3, 4, 5


@pytest.fixture(params=["0", "1"], ids=["numpy", "compiled"])
def form(request, monkeypatch):
    """Run the test with each of the two forms of cells."""
    monkeypatch.setenv(SWITCH, request.param)
    if request.param == "1" and why_not_compiled():
        pytest.skip(why_not_compiled())
    return request.param


@pytest.fixture(params=CELL_ACTIVATIONS, ids="-".join)
def cell(request, form):
    name, activation = request.param
    return CELLS[name](activation)


def halved(cell, blocks):
    """Return pre-activations, (..., n, hidden_size, n_columns), for `advance`: some are halved."""
    gates = ["recurrent half", *cell.gates] if cell.splits_last_gate else cell.gates
    scales = [0.5 if gate in cell.sigmoid_gates else 1.0 for gate in gates]
    return blocks * np.array(scales, blocks.dtype)[:, np.newaxis, np.newaxis]


class Steps:
    """Random input of a block of timesteps, and output arrays initialised with NaN."""

    def __init__(self, cell, dtype=np.float64, n_columns=N_SEQUENCES):
        rng = np.random.default_rng(0)
        c_size = HIDDEN_SIZE if cell.has_cell_state else 0
        self.cell = fastest_form(cell, np.dtype(dtype))
        self.blocks = rng.normal(size=(N_TIMESTEPS, cell.n_preactivations, HIDDEN_SIZE, n_columns)).astype(dtype)
        self.h = rng.normal(size=(N_TIMESTEPS, HIDDEN_SIZE, n_columns)).astype(dtype)
        self.c = rng.normal(size=(N_TIMESTEPS, c_size, n_columns)).astype(dtype)
        self.d_h = rng.normal(size=(HIDDEN_SIZE, n_columns)).astype(dtype)
        self.d_c = rng.normal(size=(c_size, n_columns)).astype(dtype)
        self.records = np.full((N_TIMESTEPS, cell.n_records, HIDDEN_SIZE, n_columns), np.nan, dtype)
        self.records[:, : cell.n_preactivations] = halved(cell, self.blocks)
        self.new_h, self.new_c = np.full_like(self.h, np.nan), np.full_like(self.c, np.nan)
        self.coefficients = np.full((N_TIMESTEPS, cell.n_coefficients, HIDDEN_SIZE, n_columns), np.nan, dtype)
        self.d_preactivations = np.full((cell.n_preactivations, HIDDEN_SIZE, n_columns), np.nan, dtype)
        self.t_preactivations = rng.normal(size=self.d_preactivations.shape).astype(dtype)
        self.t_h = rng.normal(size=(HIDDEN_SIZE, n_columns)).astype(dtype)
        self.t_c = rng.normal(size=(c_size, n_columns)).astype(dtype)

    def advance(self):
        for t in range(N_TIMESTEPS):
            self.cell.advance(self.records[t], self.h[t], self.c[t], self.new_h[t], self.new_c[t])

    def linearise(self):
        self.cell.linearise(self.records, self.h, self.c, self.new_h, self.new_c, self.coefficients)

    def backward(self, t):
        self.cell.backward(self.coefficients[t], self.d_h, self.d_c, self.d_preactivations)

    def tangent(self, t):
        self.cell.tangent(self.coefficients[t], self.t_preactivations, self.t_h, self.t_c)

    def run(self):
        """Call all functions of a cell, with the derivatives at the first timestep."""
        self.advance()
        self.linearise()
        self.backward(0)
        self.tangent(0)

    def arrays(self):
        return {name: array for name, array in vars(self).items() if isinstance(array, np.ndarray)}

    def freeze(self, *names):
        for name in names:
            getattr(self, name).flags.writeable = False

    def restrict(self, n_running):
        """Only pass the first columns to the cell, as in a batch whose other sequences have ended."""
        for name, array in self.arrays().items():
            setattr(self, name, array[..., :n_running])


def new_states(cell, blocks, h, c):
    """Return the new h and c of one timestep."""
    record = np.full((cell.n_records, *h.shape), np.nan)
    record[: cell.n_preactivations] = halved(cell, blocks)
    new_h, new_c = np.empty_like(h), np.empty_like(c)
    fastest_form(cell, h.dtype).advance(record, h, c, new_h, new_c)
    return new_h, new_c


@pytest.mark.parametrize("wrt", ["blocks", "h", "c"])
def test_backward_agrees_with_differences_of_advance(cell, wrt):
    steps = Steps(cell)
    blocks, h, c = steps.blocks[0].copy(), steps.h[0].copy(), steps.c[0].copy()
    on_new_h, on_new_c = steps.d_h.copy(), steps.d_c.copy()
    steps.advance()
    steps.linearise()
    steps.backward(0)

    def weighted_sum_of_new_states(x):
        new_h, new_c = new_states(cell, **{"blocks": blocks, "h": h, "c": c, wrt: x})
        return float((on_new_h * new_h).sum() + (on_new_c * new_c).sum())

    if wrt == "blocks":
        full_gradient_check(weighted_sum_of_new_states, steps.d_preactivations, blocks)
    elif wrt == "c":
        full_gradient_check(weighted_sum_of_new_states, steps.d_c, c)
    else:
        around_the_gates = steps.d_h if cell.has_direct_path else np.zeros_like(h)
        full_gradient_check(weighted_sum_of_new_states, around_the_gates, h)


def perturbed_states(cell, t_preactivations, t_h, t_c):
    """Return the tangent of the first timestep for a perturbation, or several along a further axis."""
    steps = Steps(cell)
    steps.advance()
    steps.linearise()
    coefficients = steps.coefficients[0] if t_h.ndim == 2 else steps.coefficients[0][:, np.newaxis]
    t_preactivations, t_h, t_c = (array.copy() for array in (t_preactivations, t_h, t_c))
    form = fastest_form(cell, t_h.dtype) if t_h.ndim == 2 else cell
    form.tangent(coefficients, t_preactivations, t_h, t_c)
    return t_h, t_c


def join(*arrays):
    """Return all entries in one row."""
    return np.concatenate([array.ravel() for array in arrays])


def split(cell, row):
    """Return blocks, h and c from which the row was joined."""
    shapes = [array.shape[1:] for array in (Steps(cell).blocks, Steps(cell).h, Steps(cell).c)]
    parts = np.split(row, np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def test_tangent_agrees_with_differences_of_advance(cell):
    steps = Steps(cell)
    x = join(steps.blocks[0], steps.h[0], steps.c[0])
    expected = jacobian(lambda x: join(*new_states(cell, *split(cell, x))), x)
    tangents = [join(*perturbed_states(cell, *split(cell, unit))) for unit in np.eye(x.size)]
    np.testing.assert_allclose(np.transpose(tangents), expected, rtol=1e-6, atol=1e-8)


def test_tangent_agrees_with_differences_along_a_random_direction(cell):
    steps = Steps(cell)
    x = join(steps.blocks[0], steps.h[0], steps.c[0])
    direction = join(steps.t_preactivations, steps.t_h, steps.t_c)
    expected = slopes(lambda x: join(*new_states(cell, *split(cell, x))), x, direction)
    tangent = join(*perturbed_states(cell, *split(cell, direction)))
    np.testing.assert_allclose(tangent, expected, rtol=1e-6, atol=1e-8)


def test_tangent_is_the_transpose_of_backward(cell):
    steps = Steps(cell)
    on_new_h, on_new_c = steps.d_h.copy(), steps.d_c.copy()
    t_preactivations, t_h, t_c = steps.t_preactivations.copy(), steps.t_h.copy(), steps.t_c.copy()
    steps.run()
    forwards = np.vdot(on_new_h, steps.t_h) + np.vdot(on_new_c, steps.t_c)
    backwards = np.vdot(steps.d_preactivations, t_preactivations) + np.vdot(steps.d_c, t_c)
    if cell.has_direct_path:
        backwards += np.vdot(steps.d_h, t_h)
    assert forwards == pytest.approx(backwards, rel=1e-12)


def test_several_perturbations_at_once_equal_one_at_a_time(cell):
    rng = np.random.default_rng(1)
    steps = Steps(cell)
    t_preactivations = rng.normal(size=(cell.n_preactivations, 3, HIDDEN_SIZE, N_SEQUENCES))
    t_h, t_c = rng.normal(size=(3, *steps.t_h.shape)), rng.normal(size=(3, *steps.t_c.shape))
    new_h, new_c = perturbed_states(cell, t_preactivations, t_h, t_c)
    for i in range(3):
        one_h, one_c = perturbed_states(cell, t_preactivations[:, i], t_h[i], t_c[i])
        np.testing.assert_allclose(new_h[i], one_h, rtol=1e-13)
        np.testing.assert_allclose(new_c[i], one_c, rtol=1e-13)


def test_several_gradients_at_once_equal_one_at_a_time(cell):
    rng = np.random.default_rng(1)
    steps = Steps(cell)
    steps.advance()
    steps.linearise()
    d_h, d_c = rng.normal(size=(3, *steps.d_h.shape)), rng.normal(size=(3, *steps.d_c.shape))
    given_h, given_c = d_h.copy(), d_c.copy()
    d_preactivations = np.full((cell.n_preactivations, 3, HIDDEN_SIZE, N_SEQUENCES), np.nan)
    cell.backward(steps.coefficients[0][:, np.newaxis], d_h, d_c, d_preactivations)
    for i in range(3):
        steps.d_h, steps.d_c = given_h[i], given_c[i]
        steps.backward(0)
        np.testing.assert_allclose(d_preactivations[:, i], steps.d_preactivations, rtol=1e-13)
        np.testing.assert_allclose(d_h[i], steps.d_h, rtol=1e-13)
        np.testing.assert_allclose(d_c[i], steps.d_c, rtol=1e-13)


def test_linearise_on_a_block_equals_one_timestep_at_a_time(cell):
    steps = Steps(cell)
    steps.advance()
    steps.linearise()
    for t in range(N_TIMESTEPS):
        now = slice(t, t + 1)
        one = np.full_like(steps.coefficients[now], np.nan)
        steps.cell.linearise(steps.records[now], steps.h[now], steps.c[now], steps.new_h[now], steps.new_c[now], one)
        np.testing.assert_array_equal(one, steps.coefficients[now])


def test_writes_what_it_should_and_nothing_else(cell):
    steps = Steps(cell)
    steps.freeze("h", "c")
    steps.advance()
    steps.freeze("records", "new_h", "new_c")
    steps.linearise()
    steps.freeze("coefficients")
    steps.backward(0)
    steps.freeze("d_h", "d_c", "d_preactivations")
    steps.tangent(0)
    for name, array in steps.arrays().items():
        assert np.isfinite(array).all(), name


def test_works_on_the_running_columns_of_larger_arrays(cell):
    n_running = 2
    whole, part = Steps(cell), Steps(cell)
    whole_arrays, before = part.arrays(), {name: array.copy() for name, array in part.arrays().items()}
    part.restrict(n_running)
    for steps in (whole, part):
        steps.run()
    for name, array in whole_arrays.items():
        assert np.shares_memory(getattr(part, name), array) or array.size == 0
        expected = getattr(whole, name)[..., :n_running]
        np.testing.assert_allclose(array[..., :n_running], expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(array[..., n_running:], before[name][..., n_running:])


def test_float32_is_not_promoted(cell, form):
    if form == "1":
        pytest.skip("tests/cells/test_compiled.py looks at the compiled code")
    exact, guarded = Steps(cell), Steps(cell, np.float32)
    for name, array in guarded.arrays().items():
        setattr(guarded, name, float32_only(array))
    for steps in (exact, guarded):
        steps.run()
    for name, array in exact.arrays().items():
        np.testing.assert_allclose(as_plain(getattr(guarded, name)), array, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturated_units_stay_finite(cell, dtype):
    steps = Steps(cell, dtype)
    steps.records[:, : cell.n_preactivations] = 1e4 * np.sign(steps.blocks)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        steps.run()
    for name, array in steps.arrays().items():
        assert np.isfinite(array).all(), name


def test_attributes_fit_together(cell):
    assert cell.n_gates == len(cell.gates) == len(set(cell.gates))
    assert cell.n_preactivations == cell.n_gates + int(cell.splits_last_gate)
    assert cell.n_records >= cell.n_preactivations
    assert cell.sigmoid_gates <= set(cell.gates)
    assert cell.open_gates <= set(cell.gates)
    assert not cell.splits_last_gate or cell.gates[-1] not in cell.sigmoid_gates | cell.open_gates
    assert cell.activation in cell.activations
    assert cell.recurrent_initializer in RECURRENT_INITIALIZERS


def test_holds_nothing_but_its_activation_and_is_one_level_deep(cell):
    assert vars(cell) == {"activation": cell.activation}
    assert type(cell).__bases__ == (Cell,)
    assert type(cell).__final__


def test_gates_are_in_the_order_of_onnx():
    assert CELLS["lstm"].gates == ("i", "o", "f", "c")
    assert CELLS["gru"].gates == ("z", "r", "h")


@pytest.mark.parametrize("name", CELLS)
def test_activation_is_tanh_unless_another_is_asked_for(name):
    assert CELLS[name]().activation == "tanh"


def test_where_units_start():
    assert CELLS["lstm"]().open_gates == {"f"}
    assert not CELLS["gru"]().open_gates
    assert CELLS["rnn"]("relu").recurrent_initializer == "identity"
    assert CELLS["rnn"]("tanh").recurrent_initializer == "orthogonal"


# The equations again, in their simplest form


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


@pytest.mark.parametrize(("activation", "function"), [("tanh", np.tanh), ("relu", lambda x: x * (x > 0.0))])
@pytest.mark.usefixtures("form")
def test_simple_cell_equation(activation, function):
    steps = Steps(CELLS["rnn"](activation))
    steps.advance()
    np.testing.assert_allclose(steps.new_h, function(steps.blocks[:, 0]), rtol=1e-14)


@pytest.mark.usefixtures("form")
def test_gru_equations():
    steps = Steps(CELLS["gru"]())
    steps.advance()
    q, of_z, of_r, a = steps.blocks.swapaxes(0, 1)
    z, r = sigmoid(of_z), sigmoid(of_r)
    n = np.tanh(a + r * q)
    np.testing.assert_allclose(steps.new_h, (1.0 - z) * n + z * steps.h, rtol=1e-13, atol=1e-15)


@pytest.mark.usefixtures("form")
def test_lstm_equations():
    steps = Steps(CELLS["lstm"]())
    steps.advance()
    of_i, of_o, of_f, a = steps.blocks.swapaxes(0, 1)
    i, o, f = sigmoid(of_i), sigmoid(of_o), sigmoid(of_f)
    c = f * steps.c + i * np.tanh(a)
    np.testing.assert_allclose(steps.new_c, c, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(steps.new_h, o * np.tanh(c), rtol=1e-13, atol=1e-15)
