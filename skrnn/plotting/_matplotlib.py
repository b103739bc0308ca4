"""Helpers of the displays: the optional matplotlib, axes and colours, and the network of a model."""

from collections.abc import Mapping
from typing import Any

from sklearn.utils.validation import check_is_fitted

#: Colours that colour-blind readers can tell apart (Okabe and Ito, https://jfly.uni-koeln.de/color/), for styles of
#: matplotlib that have none of their own.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def require_pyplot(caller: str) -> Any:
    """Return `matplotlib.pyplot`, or raise an ImportError that says that `caller` requires it and how to install it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{caller} requires matplotlib: pip install matplotlib") from error
    return plt


def axes_or_new(plt: Any, ax: Any, figsize: tuple[float, float]) -> Any:
    """Return the given axes, or those of a new figure."""
    return plt.subplots(figsize=figsize, layout="constrained")[1] if ax is None else ax


def label_axes(ax: Any, xlabel: str, ylabel: str) -> None:
    """Label the axes, and hide the top and right spines."""
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.spines[["top", "right"]].set_visible(False)


def merge_style(kind: str, defaults: Mapping[str, Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return keyword arguments for a "line" or a "band": the defaults, overridden by those given.

    Given aliases, such as "lw", also override the defaults.
    """
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D

    artist = {"line": Line2D, "band": PolyCollection}[kind]
    return {**defaults, **normalize_kwargs(dict(given or {}), artist)}


def colour_of(number: int) -> Any:
    """Return the colour of the curve with this number, cyclically: that of the current style, if it has its own."""
    from matplotlib import rcParams, rcParamsDefault

    colours, usual = (
        parameters["axes.prop_cycle"].by_key().get("color", ()) for parameters in (rcParams, rcParamsDefault)
    )
    colours = COLOURS if colours in (usual, ()) else colours
    return colours[number % len(colours)]


def ink_of(ax: Any) -> Any:
    """Return the colour of text on the axes: black, unless their style has another one."""
    return ax.xaxis.label.get_color()


def is_dark(ax: Any) -> bool:
    """Return whether text on the axes is light."""
    from matplotlib.colors import to_rgb

    return sum(to_rgb(ink_of(ax))) > 1.5


def split_network(estimator: Any) -> tuple[list[Any], Any]:
    """Return the transformers before the network, in order, and the fitted network; raise if there is none."""
    check_is_fitted(estimator)
    transformers, network = [], estimator
    while True:
        if hasattr(network, "best_estimator_"):  # a search
            network = network.best_estimator_
        elif hasattr(network, "steps"):  # a pipeline
            transformers += [network[:-1]] if len(network.steps) > 1 else []
            network = network.steps[-1][1]
        elif hasattr(network, "regressor_"):  # a TransformedTargetRegressor
            network = network.regressor_
        else:
            break
    if not hasattr(network, "recurrent_weights_"):
        raise TypeError(
            f"estimator is {_describe(estimator, network)}; expected an RNNRegressor or RNNClassifier, or a Pipeline, "
            "a search (with refit) or a TransformedTargetRegressor that ends in one."
        )
    return transformers, network


def final_network(estimator: Any) -> Any:
    """Return the fitted network, even inside other estimators."""
    return split_network(estimator)[1]


def _describe(estimator: Any, innermost: Any) -> str:
    """Return the class of an estimator, and that of its last step."""
    outer, inner = type(estimator).__name__, type(innermost).__name__
    return f"of type {outer}" if estimator is innermost else f"of type {outer} that ends in {inner}"
