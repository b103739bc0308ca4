"""How the examples are ordered, and in which state of the libraries each of them begins."""

import warnings
from typing import Any

import matplotlib as mpl
from sklearn.exceptions import ConvergenceWarning
from sphinx_gallery.sorting import ExplicitOrder

#: Sections of the gallery, and the examples in each.
ORDER = {
    "basics": [
        "chaotic_forecast",
        "first_fit",
        "grid_search",
        "roman_numerals",
        "long_table",
        "digits_row_by_row",
        "hidden_states",
    ],
    "classification": ["ragged_vowels", "prediction_at_every_timestep", "ensemble", "pooling"],
    "forecasting": ["intervals", "refits", "hybrid", "quantiles", "families", "panel"],
    "training": ["solvers", "adding_problem", "truncated_bptt", "early_stopping", "streaming"],
}
sections = ExplicitOrder([f"../examples/{section}" for section in ORDER])


def position(name: str) -> int:
    """Return the place of an example in its section, from its file's name; an error says that ORDER lacks it."""
    return [f"plot_{example}.py" for examples in ORDER.values() for example in examples].index(name)


LOOK = {
    "figure.figsize": (6.4, 3.6),
    "font.size": 11,  # to be read on a phone
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
