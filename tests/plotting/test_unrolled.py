"""Tests of the drawing of an unrolled network."""

from itertools import combinations, product

import matplotlib.pyplot as plt
import numpy as np
import pytest

from skrnn import RNNClassifier, RNNRegressor
from skrnn.cells import CELLS
from skrnn.plotting import UnrolledDisplay

N_GATES = {"rnn": 1, "gru": 3, "lstm": 4}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4, 3))
Y = X.sum(axis=2)


def fitted(hidden_layer_sizes=(3,), **parameters):
    model = RNNRegressor(hidden_layer_sizes, solver="lbfgs", tol=1.0, random_state=0, **parameters)
    return model.fit(X, Y if model.return_sequences else Y[:, -1])


def display_of(cell="gru", hidden_sizes=(128, 64, 9), bidirectional=False, return_sequences=False):
    """Return a display of a network of these sizes, which nobody has fitted."""
    n_directions, n_gates = 1 + bidirectional, N_GATES[cell]
    n_biases = n_gates + (cell == "gru")
    n_inputs = [12, *(n_directions * size for size in hidden_sizes)]
    sizes = [pair for pair in zip(n_inputs[:-1], hidden_sizes, strict=True) for _ in range(n_directions)]
    return UnrolledDisplay(
        cell=cell,
        input_shapes=[(n_gates * size, n_inputs) for n_inputs, size in sizes],
        recurrent_shapes=[(n_gates * size, size) for _, size in sizes],
        bias_shapes=[(n_biases * size,) for _, size in sizes],
        readout_shape=(1, n_inputs[-1]),
        bidirectional=bidirectional,
        return_sequences=return_sequences,
    )


def written(display):
    return [text.get_text() for text in display.texts_]


def extents(display, artists):
    renderer = display.figure_.canvas.get_renderer()
    return [artist.get_window_extent(renderer) for artist in artists]


NETWORKS = list(product(CELLS, [1, 2, 3], [False, True], [False, True], [2, 3, 5]))


@pytest.mark.parametrize(("cell", "n_layers", "bidirectional", "return_sequences", "n_timesteps"), NETWORKS)
def test_nothing_lies_on_anything_else(cell, n_layers, bidirectional, return_sequences, n_timesteps):
    display = display_of(cell, (128, 64, 9)[:n_layers], bidirectional, return_sequences).plot(n_timesteps=n_timesteps)
    texts = extents(display, display.texts_)
    for (one, first), (other, second) in combinations(zip(written(display), texts, strict=True), 2):
        assert not first.overlaps(second), f"{one!r} on {other!r}"
    page = display.figure_.bbox
    assert all(page.x0 <= text.x0 and text.x1 <= page.x1 and page.y0 <= text.y0 and text.y1 <= page.y1 for text in texts)
    chips, boxes = extents(display, display.chips_), extents(display, display.boxes_)
    assert not any(one.overlaps(other) for one, other in combinations(chips, 2))
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    for box in boxes:  # what touches it is wholly inside
        for part in chips + texts:
            assert not box.overlaps(part) or (box.x0 < part.x0 < part.x1 < box.x1 and box.y0 < part.y0 < part.y1 < box.y1)


@pytest.mark.parametrize(("cell", "n_layers", "bidirectional", "return_sequences", "n_timesteps"), NETWORKS[:36])
def test_no_arrow_runs_through_a_box_or_a_text(cell, n_layers, bidirectional, return_sequences, n_timesteps):
    display = display_of(cell, (128, 64, 9)[:n_layers], bidirectional, return_sequences).plot(n_timesteps=n_timesteps)
    in_chips = {id(text) for text in display.texts_ if text.get_text() in tuple("WRbVc")}
    texts = [text for text in display.texts_ if id(text) not in in_chips]
    obstacles = extents(display, [*display.boxes_, *texts])
    for arrow in display.arrows_:
        points = arrow.get_transform().transform(arrow.get_path().interpolated(30).vertices)
        for obstacle in obstacles:
            assert not obstacle.count_contains(points)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_writes_the_shapes_and_numbers_of_the_fitted_attributes_once(cell, bidirectional, return_sequences):
    model = fitted((4, 2), cell=cell, bidirectional=bidirectional, return_sequences=return_sequences)
    texts = written(UnrolledDisplay.from_estimator(model))
    arrays = [*zip(model.input_weights_, model.recurrent_weights_, model.biases_, strict=True)]
    arrays = [array for of_layer in arrays for array in of_layer] + [model.readout_weights_, model.readout_bias_]
    shapes = [str(array.shape) for array in arrays]
    assert [text for text in texts if text.startswith("(")] == shapes
    assert f"{model.n_parameters_:,}" in texts
    assert f"{arrays[0].size + arrays[1].size + arrays[2].size:,}" in texts
    for name in ("input_weights_", "recurrent_weights_", "biases_", "readout_weights_", "readout_bias_"):
        assert texts.count(name) == 1
        assert hasattr(model, name)


@pytest.mark.parametrize("n_timesteps", [2, 3, 5])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_every_timestep_has_a_box_a_layer_and_the_readout_stands_where_outputs_are(
    n_timesteps, bidirectional, return_sequences
):
    display = display_of("lstm", (7, 5), bidirectional, return_sequences).plot(n_timesteps=n_timesteps)
    n_directions = 1 + bidirectional
    n_readouts = n_timesteps if return_sequences else 1
    texts = written(display)
    assert len(display.boxes_) == 2 * n_directions * n_timesteps + n_readouts
    assert texts.count("LSTM") == 2 * n_directions * n_timesteps
    assert texts.count("7 units") == texts.count("5 units") == n_directions * n_timesteps
    inputs = [text for text in texts if text.startswith("$x")]
    assert inputs == [*(f"$x_{{{t}}}$" for t in range(1, n_timesteps)), "$x_{T}$"]
    assert len([text for text in texts if "hat" in text]) == texts.count("1\noutput") == n_readouts
    # One name at every timestep, and once in the table; recurrent weights stand on both sides of the ellipsis.
    rows = 2 * n_directions
    assert (texts.count("W"), texts.count("b")) == (rows * (n_timesteps + 1),) * 2
    assert texts.count("R") == rows * (n_timesteps + 2)
    assert (texts.count("V"), texts.count("c")) == (n_readouts + 1,) * 2
    assert texts.count("0") == rows  # states begin with zeros
    assert (texts.count("forward"), texts.count("backward")) == ((2, 2) if bidirectional else (0, 0))


def test_a_parameter_looks_the_same_at_every_timestep_and_unlike_all_others():
    display = display_of("gru", (7, 5), bidirectional=True).plot(n_timesteps=4)
    looks = {}
    names = [text for text in display.texts_ if text.get_text() in tuple("WRbVc")]
    for chip, name in zip(display.chips_, names, strict=True):
        look = (name.get_text(), chip.get_facecolor(), chip.get_edgecolor())
        looks[look] = looks.get(look, 0) + 1
    assert len(looks) == 2 * 2 * 3 + 2


def test_the_readout_of_two_directions_sees_the_end_of_each_pass():
    display = display_of("rnn", (7,), bidirectional=True).plot(n_timesteps=3)
    elbows = [arrow for arrow in display.arrows_ if np.ptp(extents(display, [arrow])[0].get_points(), axis=0).min() > 30]
    (from_first,) = [arrow for arrow in elbows if extents(display, [arrow])[0].width > 200]
    first_backward = extents(display, display.boxes_)[3]  # after the forward ones
    start = extents(display, [from_first])[0]
    assert first_backward.x0 < start.x0 < first_backward.x1
    assert abs(start.y0 - first_backward.y1) < 10


@pytest.mark.parametrize("bidirectional", [False, True])
def test_backward_arrows_point_to_the_left(bidirectional):
    model = fitted(bidirectional=bidirectional)
    display = UnrolledDisplay.from_estimator(model)
    paths = [arrow.get_path().vertices for arrow in display.arrows_]
    flat = [path for path in paths if np.ptp(path[:2, 1]) < 0.01]
    directions = [np.sign(path[1, 0] - path[0, 0]) for path in flat if len(path)]
    assert directions.count(1.0) == 4
    assert directions.count(-1.0) == (4 if bidirectional else 0)


def test_the_picture_grows_with_the_network():
    narrow, wide = (display_of().plot(n_timesteps=n).figure_ for n in (3, 5))
    low, high = (display_of(hidden_sizes=sizes).plot().figure_ for sizes in ((4,), (4, 4, 4)))
    assert narrow.get_figwidth() < wide.get_figwidth()
    assert low.get_figheight() < high.get_figheight()
    assert narrow.get_figwidth() <= 9.0


def test_axes_of_the_caller_make_letters_small():
    figure, axes = plt.subplots(1, 2, figsize=(12, 6))
    display = display_of().plot(axes[1])
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    room = axes[1].get_window_extent()
    texts = extents(display, display.texts_)
    assert all(room.x0 <= text.x0 and text.x1 <= room.x1 for text in texts)
    assert not any(one.overlaps(other) for one, other in combinations(texts, 2))


def test_classes_have_outputs_of_their_own():
    model = RNNClassifier((1,), solver="lbfgs", tol=1.0, random_state=0).fit(X, np.arange(12) % 3)
    texts = written(UnrolledDisplay.from_estimator(model))
    assert {"3\noutputs", "1 unit", "3 features", "RNN", f"{model.n_parameters_}"} <= set(texts)


@pytest.mark.parametrize(("n_timesteps", "error"), [(1, ValueError), (2.0, TypeError), (True, TypeError)])
def test_too_few_timesteps(n_timesteps, error):
    with pytest.raises(error, match=f"n_timesteps is {n_timesteps}; expected an integer >= 2"):
        display_of().plot(n_timesteps=n_timesteps)


def test_shapes_that_do_not_match():
    display = UnrolledDisplay(
        cell="rnn", input_shapes=[(3, 1)], recurrent_shapes=[], bias_shapes=[(3,)], readout_shape=(1, 3)
    )
    with pytest.raises(ValueError, match="1 input_shapes, 0 recurrent_shapes and 1 bias_shapes; .* 1 a layer"):
        display.plot()
    display = UnrolledDisplay(
        cell="rnn", input_shapes=[(3, 1)], recurrent_shapes=[(3, 3)], bias_shapes=[(3,)], readout_shape=(1, 3),
        bidirectional=True,
    )  # fmt: skip
    with pytest.raises(ValueError, match="2 a layer"):
        display.plot()
