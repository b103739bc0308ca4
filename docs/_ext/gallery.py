"""How the examples are ordered, and in which state of the libraries each of them begins."""

import warnings
from typing import Any

import matplotlib as mpl
from sklearn.exceptions import ConvergenceWarning
from sphinx_gallery.sorting import ExplicitOrder

sections = ExplicitOrder(
    ["../examples/basics", "../examples/classification", "../examples/forecasting", "../examples/training"]
)

LOOK = {
    "figure.figsize": (7.2, 3.6),
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # of Okabe and Ito: to be told apart by those who see fewer colours, too
    "axes.prop_cycle": mpl.cycler(color=["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]),
    "legend.frameon": False,
}


def reset(gallery_conf: dict[str, Any], name: str) -> None:
    """Let an example begin with the same look of pictures and the same warnings, whatever those before it have set."""
    mpl.rcdefaults()
    mpl.use("agg")
    mpl.rcParams.update(LOOK)
    warnings.filterwarnings("default", category=ConvergenceWarning)
    warnings.filterwarnings("ignore", "There are no gridspecs")  # of a display that lays its axes out itself
