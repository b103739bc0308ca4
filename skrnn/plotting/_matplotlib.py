"""The way to matplotlib, which is optional, and the looks that all displays share."""

from collections.abc import Mapping
from typing import Any

#: Colours that those who see fewer of them tell apart, too (Okabe and Ito, https://jfly.uni-koeln.de/color/).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def require_pyplot(caller: str) -> Any:
    """Return `matplotlib.pyplot`, or raise ImportError that tells `caller` how to install it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f'{caller} requires matplotlib: pip install "skrnn[plot]"') from error
    return plt


def merge_style(kind: str, defaults: Mapping[str, Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return keyword arguments for a "line" or a "band": the defaults, overruled by what the caller has given.

    Short forms that were given, such as "lw", overrule the defaults' long ones.
    """
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D

    artist = {"line": Line2D, "band": PolyCollection}[kind]
    return {**defaults, **normalize_kwargs(dict(given or {}), artist)}


def colour_of(number: int) -> str:
    """Return the colour of the curve with this number; they begin anew after the last."""
    return COLOURS[number % len(COLOURS)]
