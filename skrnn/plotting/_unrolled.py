"""A picture of a network, unrolled over timesteps."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self, final

from skrnn.plotting._matplotlib import require_pyplot
from skrnn.plotting._networks import final_network
from skrnn.plotting._unrolled_network import (
    Shape,
    Unit,
    draw_between,
    draw_inputs,
    draw_layer,
    draw_readout,
    draw_table,
)
from skrnn.plotting._unrolled_pen import Pen
from skrnn.plotting._unrolled_plan import Plan

_INCHES = 0.49  # of one unit of the plan


@final
class UnrolledDisplay:
    """An estimator's own network, unrolled over time.

    Timesteps stand side by side, layers one above the other. Discs hold the names of parameters: input weights W,
    recurrent weights R and bias b of each layer, V and c of the readout. A disc that looks the same is the same
    parameter, at every timestep. Below, each array of parameters stands once, with its shape.

    It is recommended to use :meth:`from_estimator` to create the display. All parameters are stored as attributes.

    Parameters
    ----------
    cell : str
        Name of the recurrent unit.
    input_shapes : list of tuple of int
        Shape of the input weights of each layer, the lowest first; if `bidirectional` two a layer, forward before
        backward.
    recurrent_shapes : list of tuple of int
        Shape of the recurrent weights of each.
    bias_shapes : list of tuple of int
        Shape of the bias of each.
    readout_shape : tuple of int
        Shape of the readout's weights, (n_outputs, readout_size).
    bidirectional : bool, default=False
        Whether there is a second pass, from the end of the sequence.
    return_sequences : bool, default=False
        Whether there is an output at every timestep, rather than after the last.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the drawing.
    figure_ : matplotlib Figure
        Figure that holds them.
    boxes_ : list of matplotlib FancyBboxPatch
        Each layer, direction and the readout at each timestep.
    arrows_ : list of matplotlib FancyArrowPatch
        The ways of inputs, states and outputs.
    chips_ : list of matplotlib Circle
        The discs that hold the names of parameters.
    texts_ : list of matplotlib Text
        All that is written.

    Notes
    -----
    The first timestep is 1 and the last one T: x_1 is ``X[:, 0]``. Without `return_sequences`, the readout of a
    bidirectional network sees the forward state of the last timestep and the backward state of the first, which is the
    last that each pass has come to.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNRegressor
    >>> from skrnn.plotting import UnrolledDisplay
    >>> X = np.random.default_rng(0).normal(size=(60, 5, 1))
    >>> y = X[:, :, 0].sum(axis=1)
    >>> model = RNNRegressor((8,), cell="gru", solver="lbfgs", tol=0.01, random_state=0).fit(X, y)
    >>> display = UnrolledDisplay.from_estimator(model)
    >>> display.recurrent_shapes
    [(24, 8)]
    >>> len(display.boxes_)  # the layer at three timesteps, and the readout
    4
    """

    ax_: Any
    figure_: Any
    boxes_: list[Any]
    arrows_: list[Any]
    chips_: list[Any]
    texts_: list[Any]

    def __init__(
        self,
        *,
        cell: str,
        input_shapes: Sequence[Shape],
        recurrent_shapes: Sequence[Shape],
        bias_shapes: Sequence[Shape],
        readout_shape: Shape,
        bidirectional: bool = False,
        return_sequences: bool = False,
    ) -> None:
        self.cell = cell
        self.input_shapes = input_shapes
        self.recurrent_shapes = recurrent_shapes
        self.bias_shapes = bias_shapes
        self.readout_shape = readout_shape
        self.bidirectional = bidirectional
        self.return_sequences = return_sequences

    @classmethod
    def from_estimator(cls, estimator: Any, *, n_timesteps: int = 3, ax: Any = None) -> Self:
        """Draw the network of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted RNNRegressor or RNNClassifier, or a Pipeline, a search or a TransformedTargetRegressor that ends in
            one.
        n_timesteps : int, default=3
            How many timesteps are drawn, at least 2. The last one stands behind an ellipsis.
        ax : matplotlib Axes, default=None
            Where to draw; letters become as small as the room demands. If None, a new figure is made that is as large
            as the network needs.

        Returns
        -------
        display : UnrolledDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the estimator has not been fitted.
        TypeError
            If there is no recurrent network in the estimator, or `n_timesteps` is not an integer.
        ValueError
            If `n_timesteps` is less than 2.
        """
        require_pyplot(f"{cls.__name__}.from_estimator")
        network = final_network(estimator)
        display = cls(
            cell=network.cell,
            input_shapes=[weights.shape for weights in network.input_weights_],
            recurrent_shapes=[weights.shape for weights in network.recurrent_weights_],
            bias_shapes=[bias.shape for bias in network.biases_],
            readout_shape=network.readout_weights_.shape,
            bidirectional=network.bidirectional,
            return_sequences=network.return_sequences,
        )
        return display.plot(ax, n_timesteps=n_timesteps)

    def plot(self, ax: Any = None, *, n_timesteps: int = 3) -> Self:
        """Draw the network.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; letters become as small as the room demands. If None, a new figure is made that is as large
            as the network needs.
        n_timesteps : int, default=3
            How many timesteps are drawn, at least 2. The last one stands behind an ellipsis.

        Returns
        -------
        display : UnrolledDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If `n_timesteps` is not an integer.
        ValueError
            If `n_timesteps` is less than 2, or the lists of shapes differ in length.
        """
        plt = require_pyplot(f"{type(self).__name__}.plot")
        _check_n_timesteps(n_timesteps)
        layers = self._layers()
        plan = Plan(len(layers), len(layers[0]), int(n_timesteps))
        ax, scale = _prepare(plt, ax, plan)
        pen = Pen(ax, scale)
        draw_inputs(pen, plan, self.input_shapes[0][1])
        for depth, units in enumerate(layers):
            draw_layer(pen, plan, units)
            if depth + 1 < len(layers):
                draw_between(pen, plan, depth)
        n_outputs = self.readout_shape[0]
        draw_readout(pen, plan, n_outputs, return_sequences=self.return_sequences)
        draw_table(pen, plan, [unit for units in layers for unit in units], (self.readout_shape, (n_outputs,)))
        self.ax_, self.figure_ = ax, ax.figure
        self.boxes_, self.arrows_, self.chips_, self.texts_ = pen.boxes, pen.arrows, pen.chips, pen.texts
        return self

    def _layers(self) -> list[list[Unit]]:
        """Return the units of each layer, one for each direction."""
        n_directions = 2 if self.bidirectional else 1
        lengths = {len(self.input_shapes), len(self.recurrent_shapes), len(self.bias_shapes)}
        if len(lengths) > 1 or 0 in lengths or lengths.pop() % n_directions:
            raise ValueError(
                f"there are {len(self.input_shapes)} input_shapes, {len(self.recurrent_shapes)} recurrent_shapes and "
                f"{len(self.bias_shapes)} bias_shapes; expected as many of each, {n_directions} a layer."
            )
        shapes = list(zip(self.input_shapes, self.recurrent_shapes, self.bias_shapes, strict=True))
        return [
            [
                Unit(first // n_directions, direction, n_directions, self.cell, shapes[first + direction])
                for direction in range(n_directions)
            ]
            for first in range(0, len(shapes), n_directions)
        ]


def _check_n_timesteps(n_timesteps: int) -> None:
    """Raise unless so many timesteps can be drawn."""
    if isinstance(n_timesteps, bool) or not isinstance(n_timesteps, Integral):
        raise TypeError(f"n_timesteps is {n_timesteps!r}; expected an integer >= 2.")
    if n_timesteps < 2:
        raise ValueError(f"n_timesteps is {n_timesteps}; expected an integer >= 2.")


def _prepare(plt: Any, ax: Any, plan: Plan) -> tuple[Any, float]:
    """Return axes whose units are those of the plan, and the scale of letters on them."""
    margin = 0.2
    width, height = plan.right - plan.left + 2 * margin, plan.top - plan.bottom
    if ax is None:
        figure = plt.figure(figsize=(width * _INCHES, height * _INCHES))
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    room = ax.get_window_extent()
    inches = min(room.width / width, room.height / height) / ax.figure.dpi
    ax.set(xlim=(plan.left - margin, plan.right + margin), ylim=(plan.bottom, plan.top), aspect="equal")
    ax.set_axis_off()
    return ax, inches / _INCHES
