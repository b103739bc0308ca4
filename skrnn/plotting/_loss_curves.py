"""Display of loss curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike

from skrnn.plotting._matplotlib import axes_or_new, colour_of, final_network, label_axes, merge_style, require_pyplot
from skrnn.solvers._registry import UPDATE_RULES

#: The name of each mean loss.
_LOSS_NAMES = {
    "squared_error": "half mean squared error",
    "absolute_error": "mean absolute error",
    "huber": "mean Huber loss",
    "quantile": "mean pinball loss",
    "poisson": "half mean Poisson deviance",
}

#: Characters per line of a legend outside the axes.
_LEGEND_WIDTH = 48


@final
@dataclass(kw_only=True, eq=False, repr=False)
class LossCurveDisplay:
    """Loss curves of one or several estimators: training, validation and further starts.

    It is recommended to use :meth:`from_estimator` to create the display. All parameters are stored as attributes.

    Parameters
    ----------
    losses : list of array-like of shape (n_iterations,)
        The training loss after each iteration, one curve per estimator.
    validation_losses : list of (array-like of shape (n_iterations,) or None), default=None
        The validation loss of each estimator after each iteration. If None, there are none.
    other_starts : list of list of array-like of shape (n_iterations,), default=None
        For each estimator, the training losses of the starts (`n_init`) that were not kept. If None, there are none.
    kept_iterations : list of (int or None), default=None
        For each estimator, the iteration, counted from 1, whose weights were kept; None for no mark.
        If None, nothing is marked.
    names : list of str, default=None
        A name for each estimator. If None, the legend has no names.
    loss_name : str, default="loss"
        Label of the vertical axis.
    iteration_name : str, default="iteration"
        Label of the horizontal axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure with the axes.
    lines_ : list of matplotlib Line2D
        The training loss of each estimator.
    validation_lines_ : list of (matplotlib Line2D or None)
        The validation loss of each estimator, None if it has none.
    other_start_lines_ : list of list of matplotlib Line2D
        The training losses of each estimator's other starts.
    kept_markers_ : list of (matplotlib Line2D or None)
        The markers of the kept iteration, on the training and the validation curve of each estimator.

    See Also
    --------
    skrnn.plotting.ForecastDisplay : Draw the forecasts of a fitted estimator.
    sklearn.model_selection.LearningCurveDisplay : Draw scores as a function of the number of training samples.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNRegressor
    >>> from skrnn.plotting import LossCurveDisplay
    >>> X = np.random.default_rng(0).normal(size=(60, 5, 1))
    >>> y = X[:, :, 0].sum(axis=1)
    >>> model = RNNRegressor((4,), solver="lbfgs", tol=0.01, random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(model, log_scale=True)
    >>> display.ax_.get_ylabel()
    'half mean squared error + penalty\\n(standardised targets)'
    >>> len(display.lines_[0].get_ydata()) == model.n_iter_
    True
    """

    losses: Sequence[ArrayLike]
    validation_losses: Sequence[ArrayLike | None] | None = None
    other_starts: Sequence[Sequence[ArrayLike]] | None = None
    kept_iterations: Sequence[int | None] | None = None
    names: Sequence[str] | None = None
    loss_name: str = "loss"
    iteration_name: str = "iteration"

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | Sequence[str] | None = None,
        ax: Any = None,
        log_scale: bool = False,
        line_kw: dict[str, Any] | None = None,
        other_start_kw: dict[str, Any] | None = None,
        kept_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the loss curves of one or several fitted estimators.

        With `early_stopping`, or if training was interrupted, the iteration whose weights were kept is marked;
        otherwise the last weights are kept.

        Parameters
        ----------
        estimator : estimator, list of estimators or dict of estimators
            A fitted RNNRegressor or RNNClassifier, or a Pipeline, a search or a TransformedTargetRegressor that ends in
            one. The keys of a dict are the names.
        name : str or list of str, default=None
            Name of the estimator, or of each in a list. If None, a single estimator is not named, and several are named
            by the parameters in which they differ.
        ax : matplotlib Axes, default=None
            Where to draw. If None, a new figure is made.
        log_scale : bool, default=False
            Whether the loss has a logarithmic scale.
        line_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the training and validation curves.
        other_start_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the curves of other starts.
        kept_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the markers of the kept iterations.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If an estimator has not been fitted.
        TypeError
            If an estimator does not contain a recurrent network.
        ValueError
            If there is no estimator, or the names do not match the estimators.
        """
        require_pyplot(f"{cls.__name__}.from_estimator")
        networks, names = _read_estimators(estimator, name)
        has_validation = any(network.validation_loss_curve_ is not None for network in networks)
        loss_names = [_loss_name(network, beside_validation=has_validation) for network in networks]
        display = cls(
            losses=[network.loss_curve_ for network in networks],
            validation_losses=[network.validation_loss_curve_ for network in networks],
            other_starts=[_other_starts(network) for network in networks],
            kept_iterations=[_kept_iteration(network) for network in networks],
            names=names,
            loss_name=_common(loss_names, "mean loss"),
            iteration_name=_common([_iteration_name(network) for network in networks], "iteration"),
        )
        return display.plot(ax, log_scale=log_scale, line_kw=line_kw, other_start_kw=other_start_kw, kept_kw=kept_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        log_scale: bool = False,
        line_kw: dict[str, Any] | None = None,
        other_start_kw: dict[str, Any] | None = None,
        kept_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. If None, a new figure is made.
        log_scale : bool, default=False
            Whether the loss has a logarithmic scale.
        line_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the training and validation curves.
        other_start_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the curves of other starts.
        kept_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the markers of the kept iterations.

        Returns
        -------
        display : LossCurveDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the lists of the display have different lengths.
        """
        plt = require_pyplot(f"{type(self).__name__}.plot")
        columns = self._columns()
        has_own_figure = ax is None
        self.ax_ = axes_or_new(plt, ax, (6.4, 4.0))
        self.figure_ = self.ax_.figure
        self.lines_, self.validation_lines_, self.other_start_lines_, self.kept_markers_ = [], [], [], []
        for number, (losses, validation_losses, others, kept) in enumerate(columns):
            colour = colour_of(number)
            line_style = merge_style("line", {"color": colour, "linewidth": 1.6}, line_kw)
            faint = {"color": line_style["color"], "linewidth": 0.8, "alpha": 0.35, "zorder": 1.5}
            other_style = merge_style("line", faint, other_start_kw)
            self.other_start_lines_.append([self._curve(other, other_style) for other in others])
            self.lines_.append(self._curve(losses, line_style))
            validation_style = {"linestyle": "--"} | line_style
            has_validation = validation_losses is not None
            self.validation_lines_.append(self._curve(validation_losses, validation_style) if has_validation else None)
            self.kept_markers_.append(self._mark(kept, losses, validation_losses, line_style["color"], kept_kw))
        if log_scale:
            self._scale_logarithmically()
        label_axes(self.ax_, self.iteration_name, self.loss_name)
        self.ax_.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        self._explain(has_own_figure)
        return self

    def _columns(self) -> list[tuple[Any, Any, Any, Any]]:
        """Return the losses, validation losses, other starts and kept iteration of each estimator."""
        n_estimators = len(self.losses)
        columns = {
            "losses": self.losses,
            "validation_losses": [None] * n_estimators if self.validation_losses is None else self.validation_losses,
            "other_starts": [[]] * n_estimators if self.other_starts is None else self.other_starts,
            "kept_iterations": [None] * n_estimators if self.kept_iterations is None else self.kept_iterations,
            "names": [None] * n_estimators if self.names is None else self.names,
        }
        for parameter, values in columns.items():
            if len(values) != n_estimators:
                raise ValueError(f"{parameter} has {len(values)} entries; expected {n_estimators}, like losses.")
        *data, _ = columns.values()
        return list(zip(*data, strict=True))

    def _curve(self, losses: Any, style: dict[str, Any]) -> Any:
        """Draw losses by iteration; a single one has a marker, because no line can show it."""
        dot = {"marker": "."} if len(losses) == 1 else {}
        (line,) = self.ax_.plot(np.arange(1, len(losses) + 1), losses, **(dot | style))
        return line

    def _mark(self, kept: Any, losses: Any, validation_losses: Any, colour: Any, kept_kw: Any) -> Any:
        """Draw a marker on each curve at the iteration that was kept, if any."""
        if kept is None:
            return None
        heights = [curve[kept - 1] for curve in (losses, validation_losses) if curve is not None]
        look = {
            "color": colour,
            "marker": "o",
            "markersize": 7,
            "markeredgewidth": 1.6,
            "linestyle": "none",
            "zorder": 3,
        }
        style = merge_style("line", look | {"markerfacecolor": self.ax_.get_facecolor()}, kept_kw)
        (marker,) = self.ax_.plot([kept] * len(heights), heights, **style)
        return marker

    def _scale_logarithmically(self) -> None:
        """Use a logarithmic scale, with labels between the powers of ten if the range is less than two decades."""
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

        self.ax_.set_yscale("log")
        low, high = self.ax_.get_ylim()
        if high < 100.0 * low:
            self.ax_.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            self.ax_.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            self.ax_.yaxis.set_minor_formatter(NullFormatter())

    def _explain(self, has_own_figure: bool) -> None:
        """Draw a legend, except for a single curve without a name."""
        names = [None] * len(self.lines_) if self.names is None else self.names
        handles, labels = [], []
        columns = self.lines_, self.validation_lines_, self.other_start_lines_, self.kept_markers_, names
        for line, validation, others, marker, name in zip(*columns, strict=True):
            kept = "" if marker is None else f"weights kept ({self.iteration_name} {marker.get_xdata()[0]})"
            artists = (line, validation, others[0] if others else None, marker)
            shown = [
                (artist, meaning)
                for artist, meaning in zip(artists, ("training", "validation", "other starts", kept), strict=True)
                if artist is not None
            ]
            handles += [artist for artist, _ in shown]
            labels += [meaning if name is None else f"{name}: {meaning}" for _, meaning in shown]
            if len(shown) == 1 and name is not None:
                labels[-1] = name
        if len(handles) > 1 or self.names is not None:
            legend = self.ax_.legend(handles, labels, frameon=False)
            size, space = legend.get_window_extent(), self.ax_.get_window_extent()
            if has_own_figure and (size.width > 0.6 * space.width or size.height > 0.6 * space.height):
                self._explain_beside(handles, labels)

    def _explain_beside(self, handles: list[Any], labels: list[str]) -> None:
        """Draw a legend that is too large for the axes outside them, and enlarge the figure accordingly."""
        labels = [fill(label, _LEGEND_WIDTH) for label in labels]
        place = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0), "borderaxespad": 0.0}
        legend = self.ax_.legend(handles, labels, frameon=False, fontsize="small", **place)
        size, (width, height) = legend.get_window_extent(), self.figure_.get_size_inches()
        dpi = self.figure_.dpi
        self.figure_.set_size_inches(width + size.width / dpi, max(height, size.height / dpi + 0.8))


def _read_estimators(estimator: Any, name: Any) -> tuple[list[Any], list[str] | None]:
    """Return the networks of one or several estimators, and their names, if they have any."""
    names: list[str] | None = None
    if isinstance(estimator, Mapping):
        if name is not None:
            raise ValueError(f"name is {name!r}, but the estimators are in a dict, whose keys are their names.")
        networks, names = list(estimator.values()), [str(key) for key in estimator]
    else:
        networks = list(estimator) if isinstance(estimator, list | tuple) else [estimator]
        if name is not None:
            names = [name] if isinstance(name, str) else list(name)
    if not networks:
        raise ValueError("estimator is empty; expected at least one estimator.")
    networks = [final_network(one) for one in networks]
    if names is None and len(networks) > 1:
        names = _distinguish(networks)
    if names is not None and len(names) != len(networks):
        raise ValueError(f"name is {name!r}; expected a name for each of {len(networks)} estimators.")
    return networks, names


def _distinguish(networks: Sequence[Any]) -> list[str]:
    """Name each network by the parameters in which they differ, and by its class if there are several."""
    classes = [type(network).__name__ for network in networks]
    settings = [network.get_params(deep=False) for network in networks]
    shared = [key for key in settings[0] if all(key in setting for setting in settings)]
    differing = [key for key in shared if len({repr(setting[key]) for setting in settings}) > 1]
    names = []
    for number, (kind, setting) in enumerate(zip(classes, settings, strict=True), start=1):
        words = [kind] if len(set(classes)) > 1 else []
        words += [f"{key}={setting[key]!r}" for key in differing]
        names.append(", ".join(words) or f"{kind} {number}")
    return names


def _other_starts(network: Any) -> list[list[float]]:
    """Return the loss curves of the starts that were not kept; a curve ends where the start diverged."""
    curves = list(network.loss_curves_)
    curves.remove(network.loss_curve_)
    return [curve for curve in curves if curve]


def _kept_iteration(network: Any) -> int | None:
    """Return the iteration, from 1, whose weights were kept, or None if these are the last."""
    losses = network.loss_curve_
    candidates = [number for number, loss in enumerate(losses) if loss == network.loss_]
    if network.early_stopping and network.validation_scores_ is not None:
        scores, validation_losses = network.validation_scores_, network.validation_loss_curve_
        return 1 + max(candidates, key=lambda number: (scores[number], -validation_losses[number]))
    return None if candidates[-1] == len(losses) - 1 else 1 + candidates[0]


def _loss_name(network: Any, *, beside_validation: bool) -> str:
    """Return the name of the loss, with its units and whether it includes the penalty; the validation loss does not."""
    name = _LOSS_NAMES.get(getattr(network, "loss", ""), "mean log loss")  # a classifier has no choice of losses
    notes = ["standardised targets"] if getattr(network, "normalize_y", False) else []
    if network.alpha and beside_validation:
        notes.append("training with penalty")
    elif network.alpha:
        name += " + penalty"
    return f"{name}\n({', '.join(notes)})" if notes else name


def _iteration_name(network: Any) -> str:
    """Return the name of an iteration of the solver."""
    return "epoch" if network.solver in UPDATE_RULES else "iteration"


def _common(names: Sequence[str], otherwise: str) -> str:
    """Return the common name of all estimators, or a more general one."""
    return names[0] if len(set(names)) == 1 else otherwise
