"""The Markdown page of the results, and its figure."""

from pathlib import Path
from typing import Any

INTRODUCTION = """\
# Backtests

Written by `make backtests`, which creates an environment (`.venv-backtests`, with the packages that contain the
series), takes about {minutes:.0f} minutes on two cores, and writes this page and its figure.

Five series are forecast from every row of a held-out part, as if it were the last: a *rolling origin*. Models are
fitted once, on all values before that part, and networks three times, with the seeds 0, 1 and 2; another processor
changes their errors about as much as another seed. They are compared with the value one season ago (or the last
one, without a season), ridge regression, and scikit-learn's `HistGradientBoostingRegressor` on lags, one for each
step ahead.

Settings are chosen on the training part only: of the candidates of each kind
(`benchmarks/backtests/contestants.py`), the one with the smallest error at the end of that part is tested. The kinds
themselves were not chosen blindly: similar models had been tested on the held-out parts before, single networks on the
load and the laser, several networks on all five series.

*Deviations* are the differences from the seasonal mean, the weighted mean of the last seasons at the same time: of the
logarithm of the load, and of CO2 itself. For sunspots they are the square root itself, because no season is like
another. Models on deviations use and predict changes of them from the last known one, so they need not learn level or
trend. This preprocessing may also help ridge regression and trees, which are in the table with and without it.

*Ridge, then networks* is a [`ResidualRegressor`](linear_or_network.md#residuals) of ridge
regression and the mean of five networks; *mean of networks* is an
[`EnsembleRegressor`](linear_or_network.md#several-seeds) of five. [`HybridRegressor`](linear_or_network.md#the-recipe)
has networks with these settings, and a second ridge regression instead of the Gaussian process.

*covers* is the percentage of observed values within split-conformal intervals of nominal 90 %, over all steps ahead
and origins; half their width is a quantile of the errors known at the origin
([`skrnn.forecasting.backtest`](forecasting.md#backtests)). *fit* is seconds per fit.
"""

FIGURE = "![Errors of all contestants on five series, over that of the seasonal naive forecast](images/backtests.png)"


def write(results: dict[str, dict[str, Any]], path: Path, minutes: float) -> None:
    """Write the page of the results of all tasks."""
    parts = [INTRODUCTION.format(minutes=minutes), FIGURE, *map(section, results.values())]
    path.write_text("\n".join(parts), encoding="utf-8")


def section(result: dict[str, Any]) -> str:
    """Return heading, table and verdict of a task."""
    rows = [row(contestant) for contestant in result["contestants"]]
    head = "| | | error | covers | fit |\n| --- | --- | --- | --- | --- |"
    what = f"{result['title']}. {result['n_origins']} origins; error: {result['unit']}."
    return "\n".join([f"\n## {result['name']}\n", what, "", head, *rows, "", verdict(result["contestants"]), ""])


def row(contestant: dict[str, Any]) -> str:
    """Return a contestant's row: the mean error, and where there are several seeds that of each."""
    errors = contestant["errors"]
    mean = sum(errors) / len(errors)
    text = f"{mean:.4g}"
    if len(errors) > 1:
        text += f" ({', '.join(f'{error:.4g}' for error in errors)})"
    covers = "" if contestant["covers"] is None else f"{contestant['covers']:.0f}"
    seconds = f"{contestant['seconds']:.1f}" if contestant["seconds"] else ""
    return f"| {contestant['kind']} | {contestant['name']} | {text} | {covers} | {seconds} |"


def verdict(contestants: list[dict[str, Any]]) -> str:
    """Return how the best contestant with a network compares with the best one without."""
    means = {c["kind"]: sum(c["errors"]) / len(c["errors"]) for c in contestants}
    best, other = (
        min((kind for kind in means if _has_network(kind) is with_network), key=means.__getitem__)
        for with_network in (True, False)
    )
    share = 100 * abs(means[best] / means[other] - 1)
    if means[best] < means[other]:
        return f"Best: *{best}*, with an error {share:.1f} % below that of *{other}*."
    return f"Best: *{other}*; the error of *{best}* is {share:.1f} % larger."


def _has_network(kind: str) -> bool:
    """Tell whether contestants of a kind have a network."""
    return "network" in kind or kind == "HybridRegressor"


def draw(results: dict[str, dict[str, Any]], path: Path) -> None:
    """Draw the errors of all contestants over that of the seasonal naive forecast."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    looks = {
        "ridge on lags": ("o", "#E69F00", "none"),
        "ridge on deviations": ("o", "#E69F00", "#E69F00"),
        "trees on lags": ("s", "#009E73", "none"),
        "trees on deviations": ("s", "#009E73", "#009E73"),
        "network": ("D", "#0072B2", "none"),
        "several networks": ("D", "#0072B2", "#0072B2"),
    }
    figure, axes = plt.subplots(figsize=(8, 3.8), layout="constrained")
    for y, result in enumerate(reversed(results.values())):
        naive, *others = result["contestants"]
        axes.axhline(y, color="0.9", zorder=0)
        for contestant in others:
            kind = contestant["kind"]
            marker, edge, face = looks[kind if kind in looks else "several networks"]
            for error in contestant["errors"]:
                axes.plot(
                    error / naive["errors"][0], y, marker, markeredgecolor=edge, markerfacecolor=face, markersize=8
                )
    for kind, (marker, edge, face) in looks.items():
        axes.plot([], [], marker, markeredgecolor=edge, markerfacecolor=face, markersize=8, label=kind)
    axes.axvline(1.0, color="0.4", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(results)), [result["name"] for result in reversed(results.values())])
    axes.set(xlabel="error / error of the seasonal naive forecast", ylim=(-0.6, len(results) - 0.4))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, handletextpad=0.1, columnspacing=1.2)
    figure.savefig(path, dpi=110, metadata={"Software": None})
