"""Tests of the drawing of an unrolled network."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from skrnn import RNNClassifier, RNNRegressor
from skrnn.plotting import UnrolledDisplay

N_GATES = {"rnn": 1, "gru": 3, "lstm": 4}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4, 3))
Y = X.sum(axis=2)


def fitted(hidden_layer_sizes=(3,), **parameters):
    model = RNNRegressor(hidden_layer_sizes, solver="lbfgs", tol=0.05, random_state=0, **parameters)
    return model.fit(X, Y if model.return_sequences else Y[:, -1])


def display_of(cell="gru", hidden_sizes=(128, 64, 9), bidirectional=False, return_sequences=False, pooling="last"):
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
        pooling=pooling,
    )


def written(display):
    return [text.get_text() for text in display.texts_]


def extents(display, artists):
    """Return left, bottom, right and top of each artist in pixels, (n_artists, 4)."""
    renderer = display.figure_.canvas.get_renderer()
    return np.array([artist.get_window_extent(renderer).extents for artist in artists])


def overlap(first, second):
    """Tell which of the first extents overlap which of the second, (n_first, n_second)."""
    first, second = first[:, np.newaxis], second[np.newaxis]
    return ((first[..., :2] < second[..., 2:]) & (second[..., :2] < first[..., 2:])).all(axis=-1)


def contains(outer, inner):
    """Tell which of the outer extents hold which of the inner wholly, (n_outer, n_inner)."""
    outer, inner = outer[:, np.newaxis], inner[np.newaxis]
    return ((outer[..., :2] <= inner[..., :2]) & (inner[..., 2:] <= outer[..., 2:])).all(axis=-1)


def overlapping_texts(display):
    """Return the texts that lie on others."""
    places = extents(display, display.texts_)
    on = overlap(places, places) & ~np.eye(len(places), dtype=bool)
    return [text for text, is_on in zip(written(display), on.any(axis=1), strict=True) if is_on]


#: Cell, number of layers, bidirectional, return_sequences, pooling and n_timesteps, of which the grid is made.
NETWORKS = [
    ("rnn", 1, False, False, "last", 3),
    ("gru", 2, False, True, "last", 2),
    ("lstm", 3, False, False, "last", 5),
    ("gru", 1, True, False, "last", 2),
    ("lstm", 2, True, False, "last", 3),
    ("lstm", 3, True, True, "last", 4),
    ("rnn", 1, False, False, "max", 2),
    ("gru", 2, False, False, "mean", 3),
    ("lstm", 2, True, False, "max", 4),
]
#: Each cell, each number of layers, all kinds of readout.
FOUR_OF_THEM = [NETWORKS[number] for number in (1, 5, 6, 7)]


@pytest.mark.axis(
    ("cell", "n_layers", "bidirectional", "return_sequences", "pooling", "n_timesteps"), NETWORKS, quick=FOUR_OF_THEM
)
def test_nothing_lies_on_anything_else(cell, n_layers, bidirectional, return_sequences, pooling, n_timesteps):
    sizes = (128, 64, 9)[:n_layers]
    display = display_of(cell, sizes, bidirectional, return_sequences, pooling).plot(n_timesteps=n_timesteps)
    assert not overlapping_texts(display)
    texts, chips, boxes = (extents(display, artists) for artists in (display.texts_, display.chips_, display.boxes_))
    assert contains(display.figure_.bbox.extents[np.newaxis], texts).all()
    assert overlap(chips, chips).sum() == len(chips)
    assert overlap(boxes, boxes).sum() == len(boxes)
    for parts in (texts, chips):  # what touches a box is wholly inside
        np.testing.assert_array_equal(overlap(boxes, parts), contains(boxes, parts))
    not_letters = np.array([text not in tuple("WRbVc") for text in written(display)])
    obstacles = np.concatenate([boxes, texts[not_letters]])
    for arrow in display.arrows_:
        points = np.tile(points_of(display, arrow), 2)
        assert not overlap(obstacles, points).any()


def points_of(display, arrow):
    """Return points on an arrow in pixels, (n_points, 2): 20 on each stretch, the last three of which are the head."""
    path = arrow.get_path()
    corners = display.ax_.transData.transform(path.vertices[path.codes != path.CLOSEPOLY])
    return np.concatenate(np.linspace(corners[:-1], corners[1:], 20, axis=1))


@pytest.mark.parametrize(("cell", "bidirectional", "return_sequences"), [
    ("rnn", False, True), ("gru", False, False), ("gru", True, True), ("lstm", True, False)
])  # fmt: skip
def test_writes_the_shapes_and_numbers_of_the_fitted_attributes_once(cell, bidirectional, return_sequences):
    model = fitted((4, 2), cell=cell, bidirectional=bidirectional, return_sequences=return_sequences)
    texts = written(UnrolledDisplay.from_estimator(model))
    arrays = [*zip(model.input_weights_, model.recurrent_weights_, model.biases_, strict=True)]
    arrays = [array for of_layer in arrays for array in of_layer] + [model.readout_weights_, model.readout_bias_]
    shapes = [str(array.shape) for array in arrays]
    assert [text for text in texts if text.startswith("(")] == shapes
    assert f"{model.n_parameters_:,}" in texts
    assert f"{arrays[0].size + arrays[1].size + arrays[2].size:,}" in texts
    names = ("W  input_weights_", "R  recurrent_weights_", "b  biases_", "V  readout_weights_", "c  readout_bias_")
    for name in names:
        assert texts.count(name) == 1
        assert hasattr(model, name.split()[1])


@pytest.mark.axis(
    ("n_timesteps", "bidirectional", "return_sequences"),
    [(2, False, False), (3, True, False), (3, False, True), (5, True, True)],
    quick=[(3, True, False), (3, False, True)],
)
def test_every_timestep_has_a_box_per_layer_and_a_readout_per_output(n_timesteps, bidirectional, return_sequences):
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
    # One letter at every timestep; recurrent weights on both sides of the ellipsis.
    rows = 2 * n_directions
    assert (texts.count("W"), texts.count("b")) == (rows * n_timesteps,) * 2
    assert texts.count("R") == rows * (n_timesteps + 1)
    sees_two_ends = bidirectional and not return_sequences  # V on both arrows
    assert (texts.count("V"), texts.count("c")) == (n_readouts + sees_two_ends, n_readouts)
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
    places = extents(display, display.boxes_)  # three forward, three backward, the readout
    *_, forward, backward, _ = (points_of(display, arrow) for arrow in display.arrows_)
    for points, first, last in ((forward, places[2], places[6]), (backward, places[3], places[6])):
        assert distance(points[0], first) < 5
        assert distance(points[-61], last) < 5  # the tip


@pytest.mark.parametrize(("pooling", "text"), [("mean", "mean over"), ("max", "maximum over")])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_readout_uses_the_pooled_states(pooling, text, bidirectional):
    model = fitted((4,), cell="gru", bidirectional=bidirectional, pooling=pooling)
    display = UnrolledDisplay.from_estimator(model, n_timesteps=3)
    assert f"{text} the timesteps" in written(display)
    *_, pooled, readout = extents(display, display.boxes_)
    assert (pooled[0] < readout[0], pooled[2] == pytest.approx(readout[2])) == (True, True)
    *to_pooled, to_readout, _ = (points_of(display, arrow) for arrow in display.arrows_)
    tops = extents(display, display.boxes_[-5:-2])  # of the last direction, one a timestep
    for points, top in zip(to_pooled[-3:], tops, strict=True):
        assert distance(points[-61], pooled) < 5  # the tip
        assert top[0] < points[0, 0] < top[2]
        assert top[3] < points[0, 1] < pooled[1]
    assert distance(to_readout[0], pooled) < 5
    assert distance(to_readout[-61], readout) < 5


def distance(point, place):
    """Return how many pixels a point is away from a rectangle."""
    return np.hypot(*np.maximum(np.maximum(place[:2] - point, point - place[2:]), 0.0))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_backward_arrows_point_to_the_left(bidirectional):
    display = display_of("rnn", (7,), bidirectional).plot()
    ends = [points_of(display, arrow)[[0, 19]] for arrow in display.arrows_]
    flat = [(start, end) for start, end in ends if abs(end[1] - start[1]) < 0.5]
    directions = [np.sign(end[0] - start[0]) for start, end in flat]
    assert directions.count(1.0) == (5 if bidirectional else 4)  # one of five goes from the last state to the readout
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
    space = axes[1].get_window_extent()
    assert contains(space.extents[np.newaxis], extents(display, display.texts_)).all()
    assert not overlapping_texts(display)


def test_classes_have_outputs_of_their_own():
    model = RNNClassifier((1,), solver="lbfgs", tol=0.05, random_state=0).fit(X, np.arange(12) % 3)
    texts = written(UnrolledDisplay.from_estimator(model))
    assert {"3\noutputs", "1 unit", "3 features", "RNN", f"{model.n_parameters_}"} <= set(texts)


@pytest.mark.parametrize(("n_timesteps", "error"), [(1, ValueError), (2.0, TypeError), (True, TypeError)])
def test_too_few_timesteps(n_timesteps, error):
    with pytest.raises(error, match=f"n_timesteps is {n_timesteps}.*; expected an integer >= 2"):
        display_of().plot(n_timesteps=n_timesteps)


def test_shapes_that_do_not_match():
    display = UnrolledDisplay(
        cell="rnn", input_shapes=[(3, 1)], recurrent_shapes=[], bias_shapes=[(3,)], readout_shape=(1, 3)
    )
    with pytest.raises(ValueError, match=r"1 input_shapes, 0 recurrent_shapes and 1 bias_shapes; .* 1 per layer"):
        display.plot()
    display = UnrolledDisplay(
        cell="rnn", input_shapes=[(3, 1)], recurrent_shapes=[(3, 3)], bias_shapes=[(3,)], readout_shape=(1, 3),
        bidirectional=True,
    )  # fmt: skip
    with pytest.raises(ValueError, match="2 per layer"):
        display.plot()
