"""Draw `unrolled.svg`: a network of two layers, unrolled over three timesteps, and the error that rolls back up.

Run it with `python docs/images/draw_unrolled.py` (it needs matplotlib); an argument names another file, and its ending
the format.
"""

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "skrnn"  # the same file, byte for byte, from every run
mpl.rcParams["font.family"] = "DejaVu Sans"

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch  # noqa: E402

N_TIMESTEPS = 3
FORWARD, BACKWARD, INK, GREY = "#1f5fa8", "#c8321e", "#222222", "#666666"
#: Fill and edge of each layer's parameters, the lowest first, and of the readout's.
LAYER_COLOURS = [("#d3ecd8", "#1c7a38"), ("#e7dbf5", "#6a35a5")]
READOUT_COLOUR = ("#fbe6b8", "#8f6200")

STEP, WIDTH, HEIGHT = 4.3, 1.9, 1.2  # distance of two timesteps; a cell's size
X_START = -2.75  # centre of the initial states
INPUT_Y, LAYER_YS, READOUT_Y, LOSS_Y = 0.0, (2.3, 5.1), 7.9, 10.0
LANE = 0.3  # distance of an arrow from the middle between two boxes


def box(axes, x, y, text, bias, colour, height=HEIGHT):
    """Draw a box that holds the name of a result and that of the bias which enters there."""
    fill, edge = colour
    corner = (x - WIDTH / 2, y - height / 2)
    style = "round,pad=0,rounding_size=0.14"
    axes.add_patch(FancyBboxPatch(corner, WIDTH, height, boxstyle=style, facecolor=fill, edgecolor=edge, linewidth=1.5))
    axes.text(x - 0.3, y, text, ha="center", va="center", fontsize=12.5, color=INK)
    chip(axes, x + 0.5, y, bias, colour)


def chip(axes, x, y, name, colour):
    """Draw the name of a parameter in the colour of its layer."""
    _, edge = colour
    axes.add_patch(Circle((x, y), 0.27, facecolor="white", edgecolor=edge, linewidth=1.5, zorder=4))
    axes.text(x, y - 0.01, name, ha="center", va="center", fontsize=11.5, weight="bold", color=edge, zorder=5)


def arrow(axes, start, end, colour):
    """Draw an arrow: a full line forward, a dashed one backward."""
    line = "-" if colour == FORWARD else (0, (4, 2))
    style = {"arrowstyle": "-|>", "mutation_scale": 15, "shrinkA": 0, "shrinkB": 0}
    axes.add_patch(FancyArrowPatch(start, end, color=colour, linewidth=1.8, linestyle=line, **style))


def label(axes, x, y, text, colour, ha="center", va="center", size=11):
    """Write a label."""
    axes.text(x, y, text, ha=ha, va=va, fontsize=size, color=colour)


def heading(axes, x, y, text, colour):
    """Write the name of a part of the network, to the left of x."""
    axes.text(x, y, text, ha="right", va="center", fontsize=12.5, weight="bold", color=colour[1])


def draw_layer(axes, depth, y):
    """Draw a layer at each timestep, and the states that go from one to the next."""
    colour = LAYER_COLOURS[depth]
    heading(axes, X_START - 0.75, y, f"layer {depth}", colour)
    label(axes, X_START, y + LANE, "h[0] = 0", INK)
    for t in range(N_TIMESTEPS):
        x = t * STEP
        box(axes, x, y, f"h[{t + 1}]", "b", colour)
        left = X_START + 0.72 if t == 0 else x - STEP + WIDTH / 2 + 0.08
        right = x - WIDTH / 2 - 0.06
        arrow(axes, (left, y + LANE), (right, y + LANE), FORWARD)
        chip(axes, x - STEP / 2 if t else (left + right) / 2 - 0.05, y + LANE, "R", colour)
        if t:
            arrow(axes, (right, y - LANE), (left - 0.02, y - LANE), BACKWARD)
            label(axes, (left + right) / 2, y - LANE - 0.12, "d_h", BACKWARD, va="top")


def draw_up(axes, x, low, high, parameter, colour, error):
    """Draw the way from a box that ends at `low` up to one that begins at `high`, and the error's way back."""
    arrow(axes, (x - LANE, low + 0.06), (x - LANE, high - 0.06), FORWARD)
    chip(axes, x - LANE, (low + high) / 2 - 0.04, parameter, colour)
    if error:
        arrow(axes, (x + LANE, high - 0.06), (x + LANE, low + 0.06), BACKWARD)
        label(axes, x + LANE + 0.14, (low + high) / 2, error, BACKWARD, ha="left")


def draw_network(axes):
    """Draw inputs, layers, readout and loss."""
    low, high = LAYER_YS
    for t in range(N_TIMESTEPS):
        x = t * STEP
        suffix = "  (the last)" if t == N_TIMESTEPS - 1 else ""
        label(axes, x, INPUT_Y - 0.72, f"timestep {t}{suffix}", GREY, size=11.5)
        label(axes, x - LANE, INPUT_Y, f"x[{t}]", INK, size=12)
        draw_up(axes, x, INPUT_Y + 0.2, low - HEIGHT / 2, "W", LAYER_COLOURS[0], None)
        draw_up(axes, x, low + HEIGHT / 2, high - HEIGHT / 2, "W", LAYER_COLOURS[1], f"d_outputs[{t}]")
    for depth, y in enumerate(LAYER_YS):
        draw_layer(axes, depth, y)
    x = (N_TIMESTEPS - 1) * STEP
    draw_up(axes, x, high + HEIGHT / 2, READOUT_Y - 0.45, "V", READOUT_COLOUR, "d_h")
    box(axes, x, READOUT_Y, "raw", "c", READOUT_COLOUR, height=0.9)
    heading(axes, x - WIDTH / 2 - 0.25, READOUT_Y, "readout", READOUT_COLOUR)
    arrow(axes, (x - LANE, READOUT_Y + 0.51), (x - LANE, LOSS_Y - 0.28), FORWARD)
    arrow(axes, (x + LANE, LOSS_Y - 0.28), (x + LANE, READOUT_Y + 0.51), BACKWARD)
    label(axes, x + LANE + 0.14, (READOUT_Y + 0.45 + LOSS_Y - 0.25) / 2 + 0.1, "d_raw", BACKWARD, ha="left")
    label(axes, x, LOSS_Y, "loss(y, raw)", INK, size=12)


def draw_legend(axes):
    """Explain the arrows and the parameters in the empty corner above the first timesteps."""
    x, y = X_START - 1.9, LOSS_Y
    for row, (colour, text) in enumerate(
        [
            (FORWARD, "forward: every timestep reads its input and the state before it"),
            (BACKWARD, "backward: the error of every timestep rolls back up"),
        ]
    ):
        line = y - 0.62 * row
        ends = [(x, line), (x + 0.95, line)]
        arrow(axes, *(ends if colour == FORWARD else ends[::-1]), colour)
        label(axes, x + 1.2, line, text, colour, ha="left", size=11.5)
    for column, name in enumerate("RWb"):
        chip(axes, x + 0.27 + 0.62 * column, y - 1.36, name, LAYER_COLOURS[0])
    text = "one colour and one letter: one parameter, the same at all timesteps"
    label(axes, x + 2.05, y - 1.36, text, INK, ha="left", size=11.5)


def main():
    """Write the drawing."""
    figure = plt.figure(figsize=(10.4, 7.75), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-4.95, 10.65), ylim=(-1.1, 10.5), aspect="equal")
    axes.axis("off")
    draw_network(axes)
    draw_legend(axes)
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("unrolled.svg")
    metadata = {"Date": None, "Title": "A network of two layers, unrolled"} if target.suffix == ".svg" else None
    figure.savefig(target, facecolor="white", metadata=metadata, dpi=100)


if __name__ == "__main__":
    main()
