"""The figures of the page: ratios by shape, and growth."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.speed.problems import CELLS, DTYPES, SHAPES, TASKS, Problem
from benchmarks.speed.standings import NAMES, Results, ratio, select

#: Colours that are told apart by the colour-blind (Okabe, Ito 2008).
COLOURS = {"torch": "#D55E00", "jax": "#0072B2", "floor": "#666666"}
MARKERS = {"torch": "o", "jax": "s", "floor": "^"}
TITLES = {"train": "a training step", "predict": "predict"}
MIB = 2**20


def draw_steps(results: Results, path: Path) -> None:
    """Draw a panel for each task and cell: the peers' times in times of skrnn's, a point a shape."""
    figure, axes = plt.subplots(
        len(TASKS), len(CELLS), figsize=(13, 7.6), sharex=True, sharey="row", layout="constrained"
    )
    for row, task in zip(axes, TASKS, strict=True):
        for panel, cell in zip(row, CELLS, strict=True):
            _draw_panel(panel, select(results, task=task, cell=cell))
            panel.set_title(f"{cell}: {TITLES[task]}")
        row[0].set_ylabel("time / skrnn's time (above 1: slower)")
    for panel in axes[-1]:
        panel.set_xticks(range(len(SHAPES)), map(str, SHAPES), rotation=40, ha="right")
    figure.supxlabel("batch, timesteps, features, hidden units", fontsize=10)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=7, frameon=False)
    figure.savefig(path, dpi=85)
    plt.close(figure)


def _draw_panel(panel: Any, results: Results) -> None:
    """Draw the ratios of a task and a cell: float32 filled and joined, float64 hollow and dashed."""
    panel.axhline(1.0, color="black", linewidth=1.5, label="skrnn")
    for peer, colour in COLOURS.items():
        for dtype, line, fill in zip(DTYPES, ("-", ":"), (colour, "white"), strict=True):
            chosen = select(results, dtype=dtype)
            places = [SHAPES.index(Problem.of(*result["problem"]).shape) for result in chosen]
            panel.plot(
                places,
                [ratio(result, peer) for result in chosen],
                line,
                color=colour,
                marker=MARKERS[peer],
                markerfacecolor=fill,
                markersize=7,
                label=f"{NAMES[peer]}, {dtype}",
            )
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
    panel.yaxis.set_minor_formatter(
        FuncFormatter(lambda number, _: f"{number:g}" if f"{number:.0e}"[0] in "25" else "")
    )
    panel.grid(which="both", alpha=0.3)


def draw_growth(results: dict[str, Any], path: Path) -> None:
    """Draw time against each size that grows, beside a line of slope 1, and memory against samples."""
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.9), layout="constrained")
    for panel, (name, times) in zip(axes, results["times"].items(), strict=False):
        sizes, seconds = np.array(times["sizes"]), np.array(times["seconds"])
        middle = len(sizes) // 2
        panel.loglog(sizes, seconds[middle] * sizes / sizes[middle], ":", color="#666666", label="slope 1")
        panel.loglog(sizes, seconds, "o-", color=COLOURS["jax"], label=f"measured: slope {times['slope']:.2f}")
        panel.set(xlabel="batch size" if name == "batch" else name, ylabel="seconds per epoch")
        panel.legend(frameon=False)
    memory = results["memory"]
    n_samples = [row["n_samples"] for row in memory]
    for what, colour, line in (
        ("data", "#666666", ":"),
        ("fit", COLOURS["torch"], "o-"),
        ("predict", COLOURS["jax"], "s-"),
    ):
        label = "the data" if what == "data" else f"{what}, above the data"
        axes[-1].loglog(n_samples, [row[what] / MIB for row in memory], line, color=colour, label=label)
    axes[-1].set(xlabel="samples", ylabel="peak memory, MiB")
    axes[-1].legend(frameon=False)
    for panel in axes:
        panel.grid(alpha=0.3)
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_minor_formatter(NullFormatter())
    figure.savefig(path, dpi=85)
    plt.close(figure)


def draw(results: dict[str, Any], folder: Path) -> None:
    """Draw the figures of those parts that there are."""
    folder.mkdir(parents=True, exist_ok=True)
    if "steps" in results:
        draw_steps(results["steps"], folder / "performance.png")
    if "growth" in results:
        draw_growth(results["growth"], folder / "growth.png")
