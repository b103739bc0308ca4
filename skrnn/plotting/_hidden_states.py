"""Display of the hidden states of a network over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike

from skrnn._inputs._parameters import describe, is_integer
from skrnn.plotting._matplotlib import colour_of, is_dark, merge_style, require_pyplot, split_network

#: Largest number of features with a legend, which would hide more curves: those have graded colours, and a colour bar.
_MOST_FEATURES_NAMED = 6
#: Grey on white and on black.
_MASKED = (0.5, 0.5, 0.5, 0.36)
#: Width of the colour bar with its numbers, or of the feature names above, in inches.
_COLOURBAR_WIDTH = 1.0


@final
@dataclass(kw_only=True, eq=False, repr=False)
class HiddenStateDisplay:
    """The hidden states of all units for one sequence over time, with the input above.

    It is recommended to use :meth:`from_estimator` to create the display. All parameters are stored as attributes.

    Parameters
    ----------
    states : array-like of shape (n_timesteps, n_units)
        The hidden states of the top layer after each timestep, NaN where a timestep is masked.
    inputs : array-like of shape (n_timesteps, n_features)
        The input of the network, NaN where a timestep is masked.
    bidirectional : bool, default=False
        Whether the first half of the units is the forward direction and the second half the backward direction.
    feature_names : list of str of length n_features, default=None
        Names of the features. If None, features are numbered.

    Attributes
    ----------
    axes_ : ndarray of shape (2,) of matplotlib Axes
        Axes of the input and of the states, with a shared time axis.
    ax_ : matplotlib Axes
        Axes of the states, the same as ``axes_[1]``.
    figure_ : matplotlib Figure
        Figure with the axes.
    image_ : matplotlib AxesImage
        The states, one row per unit.
    input_lines_ : list of matplotlib Line2D
        One line per feature of the input.
    colorbar_ : matplotlib Colorbar
        The colour scale.
    feature_colorbar_ : matplotlib Colorbar or None
        The colours of the features, if these are too many for a legend.

    See Also
    --------
    skrnn.RNNRegressor.hidden_states : The states that are drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNRegressor
    >>> from skrnn.plotting import HiddenStateDisplay
    >>> X = np.random.default_rng(0).normal(size=(60, 5, 1))
    >>> y = X[:, :, 0].sum(axis=1)
    >>> model = RNNRegressor((4,), solver="lbfgs", tol=0.01, random_state=0).fit(X, y)
    >>> display = HiddenStateDisplay.from_estimator(model, X, sample=3)
    >>> display.image_.get_array().shape  # (n_units, n_timesteps)
    (4, 5)
    >>> np.allclose(display.states, model.hidden_states(X)[3])
    True
    """

    states: ArrayLike
    inputs: ArrayLike
    bidirectional: bool = False
    feature_names: Sequence[str] | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        sample: int = 0,
        feature_names: Sequence[str] | None = None,
        ax: Any = None,
        image_kw: dict[str, Any] | None = None,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the hidden states of a fitted estimator for one sequence.

        Parameters
        ----------
        estimator : estimator
            A fitted RNNRegressor or RNNClassifier, or a Pipeline, a search or a TransformedTargetRegressor that ends in
            one.
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns), or list of arrays
            Sequences, in any format accepted by `predict`. A Pipeline transforms them first: with
            :class:`~skrnn.SlidingWindow` in it, pass the rows of a series.
        sample : int, default=0
            Index of the sequence to draw, after the transformations: with SlidingWindow, the window that ends at this
            row. Negative numbers count from the end.
        feature_names : list of str of length n_features, default=None
            Names of the features of the network. If None, features are numbered.
        ax : matplotlib Axes or pair of matplotlib Axes, default=None
            Where to draw: axes to be divided, or a pair for the input and the states. If None, a new figure is made.
        image_kw : dict, default=None
            Keyword arguments of `Axes.imshow` for the states.
        line_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the input.

        Returns
        -------
        display : HiddenStateDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the estimator has not been fitted.
        TypeError
            If the estimator does not contain a recurrent network, or `sample` is not an integer.
        ValueError
            If X is invalid, or the sample does not exist.
        """
        require_pyplot(f"{cls.__name__}.from_estimator")
        transformers, network = split_network(estimator)
        for transformer in transformers:
            X = transformer.transform(X)
        one = _take_sample(X, sample)
        states = np.asarray(network.hidden_states(one)[0])
        values = (np.asarray(one) if hasattr(one, "columns") else one)[0]
        inputs = np.asarray(values, dtype=np.float64).reshape(len(states), -1)  # by timestep in every format
        display = cls(states=states, inputs=inputs, bidirectional=network.bidirectional, feature_names=feature_names)
        return display.plot(ax, image_kw=image_kw, line_kw=line_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        image_kw: dict[str, Any] | None = None,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the input and the states.

        Masked timesteps are shaded grey.

        Parameters
        ----------
        ax : matplotlib Axes or pair of matplotlib Axes, default=None
            Where to draw: axes to be divided, or a pair for the input and the states. If None, a new figure is made.
        image_kw : dict, default=None
            Keyword arguments of `Axes.imshow` for the states.
        line_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the input.

        Returns
        -------
        display : HiddenStateDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the shapes of states, inputs, names and axes do not match.
        """
        plt = require_pyplot(f"{type(self).__name__}.plot")
        states, inputs = np.asarray(self.states, dtype=np.float64), np.asarray(self.inputs, dtype=np.float64)
        names = self._read_names(states, inputs)
        self.axes_ = _two_axes(plt, ax)
        self.ax_, self.figure_ = self.axes_[1], self.axes_[1].figure
        self._draw_inputs(inputs, names, line_kw)
        self._draw_states(states, image_kw)
        self._shade_masked(np.asarray(np.isnan(states).all(axis=1)))
        if self.bidirectional:
            self._name_directions(states.shape[1])
        return self

    def _read_names(self, states: np.ndarray, inputs: np.ndarray) -> list[str]:
        """Check all shapes, and return the names of the features."""
        if states.ndim != 2 or inputs.ndim != 2 or len(states) != len(inputs) or not states.size:
            raise ValueError(
                f"states has shape {states.shape} and inputs {inputs.shape}; "
                "expected (n_timesteps, n_units) and (n_timesteps, n_features)."
            )
        if self.bidirectional and states.shape[1] % 2:
            raise ValueError(
                f"states has {states.shape[1]} units; expected an even number, since bidirectional is True."
            )
        n_features = inputs.shape[1]
        if self.feature_names is None:
            return [f"feature {number}" for number in range(n_features)]
        if len(self.feature_names) != n_features:
            raise ValueError(f"feature_names has {len(self.feature_names)} entries; expected {n_features}.")
        return [str(name) for name in self.feature_names]

    def _draw_inputs(self, inputs: np.ndarray, names: list[str], line_kw: dict[str, Any] | None) -> None:
        """Draw one line per feature."""
        ax = self.axes_[0]
        self.input_lines_: list[Any] = []
        is_graded = len(names) > _MOST_FEATURES_NAMED
        colours = _graded(ax, len(names)) if is_graded else [colour_of(number) for number in range(len(names))]
        for values, name, colour in zip(inputs.T, names, colours, strict=True):
            look = {"color": colour, "linewidth": 1.4, "marker": ".", "markersize": 4, "label": name}
            self.input_lines_ += ax.plot(np.arange(len(inputs)), values, **merge_style("line", look, line_kw))
        self.feature_colorbar_ = self._explain_grades(colours, names) if is_graded else None
        is_named = self.feature_names is not None and len(names) == 1
        ax.set_ylabel(names[0] if is_named else "input")
        ax.tick_params(labelbottom=False)
        ax.spines[["top", "right"]].set_visible(False)
        if 1 < len(names) <= _MOST_FEATURES_NAMED:
            ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.05), handlelength=1.2, fontsize="small")

    def _explain_grades(self, colours: Sequence[Any], names: list[str]) -> Any:
        """Draw the colours of the features as a bar, the first on top, with some of their names."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import ListedColormap, Normalize

        shown = range(0, len(names), -(-len(names) // _MOST_FEATURES_NAMED))
        grades = ScalarMappable(Normalize(-0.5, len(names) - 0.5), ListedColormap(colours))
        bar = self.figure_.colorbar(grades, cax=self.axes_[0].inset_axes([1.02, 0.0, 0.025, 1.0]), ticks=list(shown))
        bar.ax.set_yticks(list(shown), [names[number] for number in shown], fontsize="small")
        bar.ax.invert_yaxis()
        return bar

    def _draw_states(self, states: np.ndarray, image_kw: dict[str, Any] | None) -> None:
        """Draw the heat map and its colour bar; zero is white."""
        ax = self.axes_[1]
        largest = np.nanmax(np.abs(states), initial=0.0) or 1.0
        look = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest, "aspect": "auto", "interpolation": "nearest"}
        self.image_ = ax.imshow(states.T, **(look | (image_kw or {})))
        ax.set(xlabel="timestep", ylabel="" if self.bidirectional else "hidden unit")
        for axis in (ax.xaxis, ax.yaxis):
            axis.get_major_locator().set_params(integer=True)
        place = ax.inset_axes([1.02, 0.0, 0.025, 1.0])
        self.colorbar_ = self.figure_.colorbar(self.image_, cax=place, label="hidden state")

    def _shade_masked(self, is_masked: np.ndarray) -> None:
        """Shade the masked timesteps, and explain it in the axis label."""
        for t in np.flatnonzero(is_masked):
            for ax in self.axes_:
                ax.axvspan(t - 0.5, t + 0.5, facecolor=_MASKED, edgecolor="none", zorder=0.5)
        if is_masked.any():
            self.ax_.set_xlabel("timestep (grey: masked)")

    def _name_directions(self, n_units: int) -> None:
        """Draw a line between the units of the two directions, number each from 0, and label them."""
        half = n_units // 2
        shown = np.arange(0, half, -(-half // 4))  # at most four numbers per half
        self.ax_.axhline(half - 0.5, color="black", linewidth=1.2)
        self.ax_.set_yticks([*shown, *half + shown], [str(unit) for unit in [*shown, *shown]])
        for first, name in ((0, "forward units"), (half, "backward units")):
            self.ax_.annotate(
                name,
                (0.0, first + (half - 1) / 2),
                xytext=(-34, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                rotation=90,
                ha="center",
                va="center",
            )


def _take_sample(X: Any, sample: int) -> Any:
    """Return X with only one of its samples, in the same format."""
    n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
    if not is_integer(sample):
        raise TypeError(f"{describe('sample', sample)}; expected an integer.")
    if not -n_samples <= sample < n_samples:
        raise ValueError(f"sample is {sample}, but X has {n_samples} samples.")
    position = sample % n_samples
    return (X.iloc if hasattr(X, "iloc") else X)[position : position + 1]


def _graded(ax: Any, n_colours: int) -> list[Any]:
    """Return colours from one end of a scale to the other, all of which can be seen on the axes."""
    from matplotlib import colormaps

    ends = (0.25, 1.0) if is_dark(ax) else (0.0, 0.8)
    return list(colormaps["viridis"](np.linspace(*ends, n_colours)))


def _two_axes(plt: Any, ax: Any) -> np.ndarray:
    """Return the axes of the input and of the states, (2,): given, parts of a given one, or of a new figure."""
    shares = {"height_ratios": [1.0, 2.6]}
    if ax is None:
        figure = plt.figure(figsize=(7.2, 4.2), layout="constrained")
        return figure.subplots(2, 1, sharex=True, gridspec_kw=shares)
    if np.iterable(ax):
        axes = np.asarray(ax, dtype=object).ravel()
        if len(axes) != 2:
            raise ValueError(f"ax has {len(axes)} axes; expected one, or two for the input and the states.")
        axes[0].sharex(axes[1])
        return axes
    if ax.get_subplotspec() is None:
        raise ValueError("ax is not part of a grid and cannot be divided; expected axes of plt.subplots, or a pair.")
    ax.set_axis_off()
    if ax.figure.get_layout_engine() is None:  # no layout engine that makes space for the colour bar
        width = ax.get_window_extent().width / ax.figure.dpi
        shares["width_ratios"] = [max(width - _COLOURBAR_WIDTH, 0.5 * width), _COLOURBAR_WIDTH]
    grid = ax.get_subplotspec().subgridspec(
        2, len(shares.get("width_ratios", [1.0])), hspace=0.08, wspace=0.0, **shares
    )
    lower = ax.figure.add_subplot(grid[1, 0])
    return np.array([ax.figure.add_subplot(grid[0, 0], sharex=lower), lower])
