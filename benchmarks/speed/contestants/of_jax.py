"""JAX, jitted: a cell scanned over the timesteps, its gradient and Adam compiled into one function."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import sigmoid

from benchmarks.speed.contestants.timing import faster, timed
from benchmarks.speed.problems import N_GATES, Prepared, Problem

Parameters = dict[str, jax.Array]


def rnn(P: Parameters, h: jax.Array, x: jax.Array) -> tuple[jax.Array, None]:
    """Advance the simple unit; x is the input half of the pre-activations."""
    return jnp.tanh(x + h @ P["recurrent"]), None


def gru(P: Parameters, h: jax.Array, x: jax.Array) -> tuple[jax.Array, None]:
    """Advance the GRU in its reset-after form."""
    recurrent = h @ P["recurrent"]
    x_z, x_r, x_h = jnp.split(x, 3, axis=1)
    h_z, h_r, h_h = jnp.split(recurrent, 3, axis=1)
    z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
    candidate = jnp.tanh(x_h + r * (h_h + P["recurrent_bias"]))
    return (1 - z) * candidate + z * h, None


def lstm(P: Parameters, state: tuple[jax.Array, jax.Array], x: jax.Array) -> tuple[tuple[jax.Array, jax.Array], None]:
    """Advance the LSTM."""
    h, c = state
    i, o, f, g = jnp.split(x + h @ P["recurrent"], 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    return (sigmoid(o) * jnp.tanh(c), c), None


CELLS = {"rnn": rnn, "gru": gru, "lstm": lstm}


def draw_parameters(problem: Problem) -> Parameters:
    """Return random parameters."""
    _, _, n_features, hidden_size = problem.shape
    n_rows = N_GATES[problem.cell] * hidden_size
    rng = np.random.default_rng(0)
    return {
        "input": jnp.asarray(0.1 * rng.normal(size=(n_features, n_rows)), problem.dtype),
        "recurrent": jnp.asarray(0.1 * rng.normal(size=(hidden_size, n_rows)), problem.dtype),
        "bias": jnp.zeros(n_rows, problem.dtype),
        "recurrent_bias": jnp.zeros(hidden_size, problem.dtype),
        "readout": jnp.asarray(0.1 * rng.normal(size=hidden_size), problem.dtype),
        "readout_bias": jnp.zeros((), problem.dtype),
    }


def predict(P: Parameters, X: jax.Array, cell: str) -> jax.Array:
    """Return the outputs, (n_samples,)."""
    h = jnp.zeros((len(X), len(P["recurrent"])), X.dtype)
    start = (h, h) if cell == "lstm" else h
    inputs = jnp.swapaxes(X, 0, 1) @ P["input"] + P["bias"]
    end, _ = jax.lax.scan(lambda state, x: CELLS[cell](P, state, x), start, inputs)
    h = end[0] if cell == "lstm" else end
    return h @ P["readout"] + P["readout_bias"]


def update(state: Any, X: jax.Array, y: jax.Array, cell: str) -> tuple[Any, jax.Array]:
    """Return parameters, both moments and the count of steps after one of Adam, and the loss."""
    P, mean, square, t = state
    loss, gradient = jax.value_and_grad(lambda P: jnp.mean((predict(P, X, cell) - y) ** 2))(P)
    t = t + 1
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
    square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, gradient)
    rate, scale = 0.001 / (1 - 0.9**t), 1 / (1 - 0.999**t)
    P = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(scale * v) + 1e-8), P, mean, square)
    return (P, mean, square, t), loss


def compiled(function: Callable[..., Any], *arguments: Any) -> tuple[Callable[..., Any], float]:
    """Return the function compiled for arguments of this form, and the seconds of compiling."""
    start = time.perf_counter()
    result = jax.jit(function).lower(*arguments).compile()
    return result, time.perf_counter() - start


def prepare(problem: Problem) -> Prepared:
    """Return a training step on a batch that is already on the device, or the faster way to predict."""
    jax.clear_caches()
    jax.config.update("jax_enable_x64", problem.dtype == "float64")
    P = draw_parameters(problem)
    return _prepare_predict(problem, P) if problem.task == "predict" else _prepare_training(problem, P)


def _prepare_training(problem: Problem, P: Parameters) -> Prepared:
    """Return the compiled step, with Adam's state passed from one to the next."""
    X, y = (jnp.asarray(array) for array in problem.draw(1))
    zeros = jax.tree.map(jnp.zeros_like, P)
    state = (P, zeros, zeros, jnp.zeros((), problem.dtype))
    function, seconds = compiled(lambda state, X, y: update(state, X, y, problem.cell), state, X, y)

    def step() -> None:
        nonlocal state
        state, loss = function(state, X, y)
        loss.block_until_ready()

    return Prepared(timed(step), seconds)


def _prepare_predict(problem: Problem, P: Parameters) -> Prepared:
    """Return the faster of predicting all sequences at once and batch by batch."""
    n_batches = problem.shape.n_batches
    X = jnp.asarray(problem.draw(n_batches)[0])
    batches = [jax.block_until_ready(batch) for batch in jnp.split(X, n_batches)]
    of_all, seconds = compiled(lambda P, X: predict(P, X, problem.cell), P, X)
    of_batch, seconds_batch = compiled(lambda P, X: predict(P, X, problem.cell), P, batches[0])
    runs = [
        timed(lambda: np.asarray(of_all(P, X)), n_batches),
        timed(lambda: np.concatenate([of_batch(P, batch) for batch in batches]), n_batches),
    ]
    return Prepared(faster(runs), seconds + seconds_batch)
