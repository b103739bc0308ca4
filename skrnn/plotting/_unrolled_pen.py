"""Boxes, arrows, names and labels: what the drawing of an unrolled network consists of."""

from typing import Any, final

from skrnn.plotting._unrolled_plan import BOX_HEIGHT, BOX_WIDTH, CHIP_RADIUS

INK, GREY = "#222222", "#666666"
#: Fill and edge of each layer, the lowest first, and of the readout.
LAYER_COLOURS = (("#d3ecd8", "#1c7a38"), ("#e7dbf5", "#6a35a5"), ("#d6e6f7", "#1f5fa8"))
READOUT_COLOURS = ("#fbe6b8", "#8f6200")


@final
class Pen:
    """Draw on axes, and remember what was drawn.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    scale : float
        What sizes of letters and widths of lines are multiplied by.

    Attributes
    ----------
    boxes, arrows, chips, texts : list of matplotlib Artist
        What was drawn, in order.
    """

    def __init__(self, ax: Any, scale: float) -> None:
        self.ax = ax
        self.scale = scale
        self.boxes: list[Any] = []
        self.arrows: list[Any] = []
        self.chips: list[Any] = []
        self.texts: list[Any] = []

    def write(self, x: float, y: float, text: str, size: float = 9.5, **style: Any) -> None:
        """Write a text; in the middle of its place, unless the style says otherwise."""
        look: dict[str, Any] = {"ha": "center", "va": "center", "color": INK, "zorder": 6} | style
        self.texts.append(self.ax.text(x, y, text, fontsize=size * self.scale, **look))

    def box(self, x: float, y: float, colours: tuple[str, str], height: float = BOX_HEIGHT) -> None:
        """Draw a box with round corners."""
        from matplotlib.patches import FancyBboxPatch

        fill, edge = colours
        corner, style = (x - BOX_WIDTH / 2, y - height / 2), "round,pad=0,rounding_size=0.14"
        look: dict[str, Any] = {"facecolor": fill, "edgecolor": edge, "linewidth": 1.3 * self.scale, "zorder": 3}
        self.boxes.append(self.ax.add_patch(FancyBboxPatch(corner, BOX_WIDTH, height, boxstyle=style, **look)))

    def chip(self, x: float, y: float, name: str, colour: str, *, is_backward: bool = False) -> None:
        """Draw the name of a parameter in a disc: one name and one look, one parameter."""
        from matplotlib.patches import Circle

        face, ink = (colour, "white") if is_backward else ("white", colour)
        look: dict[str, Any] = {"facecolor": face, "edgecolor": colour, "linewidth": 1.3 * self.scale, "zorder": 5}
        self.chips.append(self.ax.add_patch(Circle((x, y), CHIP_RADIUS, **look)))
        self.write(x, y - 0.01, name, 8.5, weight="bold", color=ink)

    def arrow(self, *points: tuple[float, float], crosses: bool = False) -> None:
        """Draw a way through points that ends in an arrowhead; the last stretch interrupts what it `crosses`."""
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path

        width = 1.3 * self.scale
        if crosses:
            (x, low), (_, high) = points[-2:]
            self.ax.plot([x, x], [low + 0.15, high], color="white", linewidth=3.5 * width, zorder=1.8)
        style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 11 * self.scale, "shrinkA": 0, "shrinkB": 0}
        look: dict[str, Any] = {"color": INK, "linewidth": width, "joinstyle": "miter", "zorder": 2 if crosses else 1.5}
        self.arrows.append(self.ax.add_patch(FancyArrowPatch(path=Path(points), **style, **look)))

    def bar(self, x: float, y: float, half_width: float) -> None:
        """Draw a bar in which states are joined."""
        ends = [x - half_width, x + half_width]
        self.ax.plot(ends, [y, y], color=INK, linewidth=4.5 * self.scale, solid_capstyle="round", zorder=4)

    def dots(self, x: float, y: float) -> None:
        """Draw an ellipsis."""
        self.ax.plot([x - 0.22, x, x + 0.22], [y] * 3, ".", color=INK, markersize=4 * self.scale, zorder=4)
