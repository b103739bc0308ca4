"""Display of a network, unrolled over timesteps."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Self, final

from skrnn._inputs._parameters import check_count
from skrnn.plotting._matplotlib import final_network, require_pyplot
from skrnn.plotting._unrolled_drawing import LAYER_COLOURS, READOUT_COLOURS, Drawing, Unit

Shape = tuple[int, ...]


@final
@dataclass(kw_only=True, eq=False, repr=False)
class UnrolledDisplay:
    """The network of an estimator, unrolled over time.

    Timesteps are drawn from left to right, layers from bottom to top. Discs contain the names of parameters: input
    weights W, recurrent weights R and bias b of each layer, V and c of the readout. Discs that look the same are the
    same parameter, at every timestep. A table below lists the shape of each parameter array.

    It is recommended to use :meth:`from_estimator` to create the display. All parameters are stored as attributes.

    Parameters
    ----------
    cell : str
        Name of the recurrent unit.
    input_shapes : list of tuple of int
        Shape of the input weights of each layer, first layer first; if `bidirectional`, two per layer, forward first.
    recurrent_shapes : list of tuple of int
        Shape of the recurrent weights of each.
    bias_shapes : list of tuple of int
        Shape of the bias of each.
    readout_shape : tuple of int
        Shape of the readout's weights, (n_outputs, readout_size).
    bidirectional : bool, default=False
        Whether there is a backward pass.
    return_sequences : bool, default=False
        Whether there is an output at every timestep instead of only after the last.
    pooling : {"last", "mean", "max"}, default="last"
        Input of the readout with a single output: the last states, or the mean or the maximum of all.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the drawing.
    figure_ : matplotlib Figure
        Figure with the axes.
    boxes_ : list of matplotlib FancyBboxPatch
        Each layer, direction and the readout at each timestep, and the pooled states.
    arrows_ : list of matplotlib FancyArrowPatch
        Arrows between inputs, states and outputs.
    chips_ : list of matplotlib Circle
        The discs with the names of parameters.
    texts_ : list of matplotlib Text
        All texts.

    Notes
    -----
    The first timestep is 1 and the last one T: x_1 is ``X[:, 0]``. A frame around two boxes represents their
    concatenated states. Without `return_sequences`, the readout of a bidirectional network reads the last state of each
    pass: the forward state of timestep T and the backward state of timestep 1. With `pooling` "mean" or "max", a box
    over all timesteps represents the mean or the elementwise maximum of their states, which is the input of the
    readout.

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

    cell: str
    input_shapes: Sequence[Shape]
    recurrent_shapes: Sequence[Shape]
    bias_shapes: Sequence[Shape]
    readout_shape: Shape
    bidirectional: bool = False
    return_sequences: bool = False
    pooling: str = "last"

    @classmethod
    def from_estimator(cls, estimator: Any, *, n_timesteps: int = 3, ax: Any = None) -> Self:
        """Draw the network of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted RNNRegressor or RNNClassifier, or a Pipeline, a search or a TransformedTargetRegressor that ends in
            one.
        n_timesteps : int, default=3
            How many timesteps are drawn, at least 2, with an ellipsis before the last one.
        ax : matplotlib Axes, default=None
            Where to draw, with letters as small as needed. If None, a new figure is made, as large as needed.

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
            If the estimator does not contain a recurrent network, or `n_timesteps` is not an integer.
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
            pooling=network.pooling,
        )
        return display.plot(ax, n_timesteps=n_timesteps)

    def plot(self, ax: Any = None, *, n_timesteps: int = 3) -> Self:
        """Draw the network.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw, with letters as small as needed. If None, a new figure is made, as large as needed.
        n_timesteps : int, default=3
            How many timesteps are drawn, at least 2, with an ellipsis before the last one.

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
            If `n_timesteps` is less than 2, or the lists of shapes have different lengths.
        """
        plt = require_pyplot(f"{type(self).__name__}.plot")
        check_count("n_timesteps", n_timesteps, 2)
        drawing = Drawing(self._layers(), n_timesteps, return_sequences=self.return_sequences, pooling=self.pooling)
        readout = Unit("readout", "", READOUT_COLOURS, (self.readout_shape, self.readout_shape[:1]))
        drawing.draw(plt, ax, self.cell, readout)
        self.ax_, self.figure_ = drawing.ax, drawing.ax.figure
        self.boxes_, self.arrows_ = drawing.boxes, drawing.arrows
        self.chips_, self.texts_ = drawing.chips, drawing.texts
        return self

    def _layers(self) -> list[list[Unit]]:
        """Return the units of each layer, one per direction."""
        directions = ("forward", "backward") if self.bidirectional else ("",)
        lengths = len(self.input_shapes), len(self.recurrent_shapes), len(self.bias_shapes)
        n_layers = lengths[0] // len(directions)
        if not n_layers or lengths != (n_layers * len(directions),) * 3:
            raise ValueError(
                f"there are {lengths[0]} input_shapes, {lengths[1]} recurrent_shapes and {lengths[2]} bias_shapes; "
                f"expected the same number of each, {len(directions)} per layer."
            )
        shapes = zip(self.input_shapes, self.recurrent_shapes, self.bias_shapes, strict=True)
        colours = islice(cycle(LAYER_COLOURS), n_layers)
        return [
            [Unit(f"layer {depth}", direction, of_layer, next(shapes)) for direction in directions]
            for depth, of_layer in enumerate(colours)
        ]
