"""The drawing of an unrolled network: a grid of timesteps and layers, and below it a table of all parameters."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple, final

from skrnn.plotting._matplotlib import is_dark

#: What is written in boxes; what is written beside them and the less important part of it, by styles.
_IN_BOXES, _ON_LIGHT, _ON_DARK = "#222222", ("#222222", "#666666"), ("#eeeeee", "#aaaaaa")
#: Fill and edge of each layer, the lowest first, and of the readout.
LAYER_COLOURS = (("#d3ecd8", "#1c7a38"), ("#e7dbf5", "#6a35a5"), ("#d6e6f7", "#1f5fa8"))
READOUT_COLOURS = ("#fbe6b8", "#8f6200")

# Lengths, one of which is _INCHES long unless the axes are the caller's.
_INCHES = 0.49
_BOX_WIDTH, _BOX_HEIGHT, _READOUT_HEIGHT = 1.75, 1.25, 0.95
_POOLING_HEIGHT = 0.7
#: Its text for each pooling.
_POOLED = {"mean": "mean over the timesteps", "max": "maximum over the timesteps"}
_PADDING = 0.15  # of a frame around the boxes of two directions
_SYMBOL = 0.6  # height of x and y, width of an ellipsis
_GAP = 1.2  # between neighbours in the grid: the length of an arrow
_HEADINGS = 2.6  # width of the names of rows
_TABLE_COLUMNS, _TABLE_ROW = (0.0, 3.2, 6.7, 10.6, 14.0), 0.5


class Unit(NamedTuple):
    """A direction of a layer, or the readout, on the drawing."""

    name: str
    direction: str  # "forward" or "backward", or "" if there is only one
    colours: tuple[str, str]
    shapes: tuple[tuple[int, ...], ...]  # of W, R and b, or of V and c


@final
class Drawing:
    """A network on axes, in a grid: arrows and the letters on them are in the gaps, all else is within a cell.

    Columns are the state before the first timestep, timesteps, an ellipsis and the last timestep; with two directions
    also the state before the backward pass, and the readout if it sees the last state of each. Rows are inputs, layers,
    the mean or maximum over the timesteps where there is one, readout and outputs. The boxes of two directions have a
    frame, which stands for both: they read the same, and what is above reads both.
    """

    def __init__(
        self, layers: Sequence[Sequence[Unit]], n_timesteps: int, *, return_sequences: bool, pooling: str
    ) -> None:
        n_directions = len(layers[0])
        self.layers = layers
        self.return_sequences = return_sequences
        self.pooled = _POOLED.get(pooling, "")
        self.joins_ends = n_directions == 2 and not return_sequences and not self.pooled
        extra = [0.2] * (n_directions - 1) + [_BOX_WIDTH] * self.joins_ends
        self.columns = _intervals([0.2, *[_BOX_WIDTH] * (n_timesteps - 1), _SYMBOL, _BOX_WIDTH, *extra])
        height = _BOX_HEIGHT if n_directions == 1 else 2 * _BOX_HEIGHT + 3 * _PADDING
        above = [*[_POOLING_HEIGHT] * bool(self.pooled), _READOUT_HEIGHT, _SYMBOL]
        self.rows = _intervals([_SYMBOL, *[height] * len(layers), *above])
        self.timesteps = {str(t): self.columns[t] for t in range(1, n_timesteps)} | {"T": self.columns[n_timesteps + 1]}
        self.ellipsis = sum(self.columns[n_timesteps]) / 2
        left, right = self.columns[0][0] - _HEADINGS, self.columns[-1][1]
        margin = 0.2 + max(0.0, _TABLE_COLUMNS[-1] - (right - left)) / 2
        self.x_limits = left - margin, right + margin
        self.table = (left + right - _TABLE_COLUMNS[-1]) / 2, self.rows[0][0] - 0.8  # left end and first line
        self.y_limits = self.table[1] - _TABLE_ROW * (len(layers) * n_directions + 3.8), self.rows[-1][1] + 0.1
        self.boxes: list[Any] = []
        self.arrows: list[Any] = []
        self.chips: list[Any] = []
        self.texts: list[Any] = []

    def draw(self, plt: Any, ax: Any, cell: str, readout: Unit) -> None:
        """Draw the network on axes, or on those of a new figure that is as large as it needs."""
        width, height = (end - begin for begin, end in (self.x_limits, self.y_limits))
        if ax is None:
            ax = plt.figure(figsize=(width * _INCHES, height * _INCHES)).add_axes((0.0, 0.0, 1.0, 1.0))
        ax.set(xlim=self.x_limits, ylim=self.y_limits, aspect="equal")
        ax.set_axis_off()
        space = ax.get_window_extent()
        self.ax = ax
        self.ink, self.grey = _ON_DARK if is_dark(ax) else _ON_LIGHT
        self.shade = 0 if is_dark(ax) else 1  # of the two colours of a unit, for what is written beside its boxes
        self.scale = min(space.width / width, space.height / height) / ax.figure.dpi / _INCHES  # of letters and lines
        self._draw_inputs()
        for depth, units in enumerate(self.layers):
            self._draw_layer(depth, units, cell)
        if self.pooled:
            self._draw_pooling(readout)
        self._draw_readout(readout)
        self._draw_table([*(unit for units in self.layers for unit in units), readout])

    def _write(self, x: float, y: float, text: str, size: float = 9.5, **style: Any) -> None:
        """Write a text, if there is one, centred unless the style says otherwise."""
        look: dict[str, Any] = {"ha": "center", "va": "center", "color": self.ink, "zorder": 4} | style
        if text:
            self.texts.append(self.ax.text(x, y, text, fontsize=size * self.scale, **look))

    def _add(self, name: str, *arguments: Any, **style: Any) -> Any:
        """Draw a patch of matplotlib."""
        from matplotlib import patches

        patch = getattr(patches, name)(*arguments, linewidth=1.3 * self.scale, **style)
        return self.ax.add_patch(patch)

    def _box(self, x: float, y: float, width: float, height: float, fill: str, edge: str) -> Any:
        """Draw a box with round corners."""
        corner, style = (x - width / 2, y - height / 2), "round,pad=0,rounding_size=0.14"
        return self._add("FancyBboxPatch", corner, width, height, boxstyle=style, facecolor=fill, edgecolor=edge)

    def _chip(self, x: float, y: float, letter: str, unit: Unit) -> None:
        """Draw the letter of a parameter in a disc: one letter and one look, one parameter."""
        edge = unit.colours[1]
        face, ink = (edge, "white") if unit.direction == "backward" else ("white", edge)
        self.chips.append(self._add("Circle", (x, y), 0.25, facecolor=face, edgecolor=edge, zorder=3))
        self._write(x, y - 0.01, letter, 8.5, weight="bold", color=ink)

    def _arrow(self, start: tuple[float, float], end: tuple[float, float], connection: str = "arc3") -> None:
        """Draw an arrow: straight, unless another `connectionstyle` of matplotlib is given."""
        size = {"mutation_scale": 11 * self.scale, "shrinkA": 1.8 * self.scale, "shrinkB": 1.8 * self.scale}
        look = {
            "arrowstyle": "-|>",
            "connectionstyle": connection,
            "color": self.ink,
            "joinstyle": "miter",
            "zorder": 2,
        }
        self.arrows.append(self._add("FancyArrowPatch", start, end, **look, **size))

    def _name_row(self, y: float, name: str, detail: str, colour: str | None = None) -> None:
        """Write the name of a row, to the left of it."""
        x = self.columns[0][0] - 0.5
        self._write(x, y + (0.22 if detail else 0.0), name, weight="bold", color=colour or self.ink, ha="right")
        self._write(x, y - 0.22, detail, 8.5, color=self.grey, ha="right")

    def _draw_inputs(self) -> None:
        y = sum(self.rows[0]) / 2
        self._name_row(y, "input", _count(self.layers[0][0].shapes[0][1], "feature"))
        self._write(self.ellipsis, y, r"$\cdots$", 13)
        for name, column in self.timesteps.items():
            self._write(sum(column) / 2, y, f"$x_{{{name}}}$", 12)

    def _draw_layer(self, depth: int, units: Sequence[Unit], cell: str) -> None:
        """Draw a layer, one unit per direction, and the arrows to it from below."""
        low, high = self.rows[1 + depth]
        for column in self.timesteps.values():
            x = sum(column) / 2
            self._arrow((x, self.rows[depth][1]), (x, low))
            if len(units) == 2:
                self._box(x, (low + high) / 2, _BOX_WIDTH + 2 * _PADDING, high - low, "none", units[0].colours[1])
        for unit in units:
            y = self._height(depth, unit.direction)
            aside = {"": 0.0, "forward": -0.3, "backward": 0.3}[unit.direction]  # two W have an arrow between them
            self._name_row(y, unit.name, unit.direction, unit.colours[self.shade])
            for column in self.timesteps.values():
                x = sum(column) / 2
                self.boxes.append(self._box(x, y, _BOX_WIDTH, _BOX_HEIGHT, *unit.colours))
                self._write(x - 0.3, y + 0.26, cell.upper(), 10, weight="bold", color=_IN_BOXES)
                self._chip(x + 0.5, y + 0.25, "b", unit)
                self._write(x, y - 0.33, _count(unit.shapes[1][1], "unit"), 8.5, color=_IN_BOXES)
                self._chip(x + aside, low - _GAP / 2 - 0.06, "W", unit)
            self._draw_states(y, unit)

    def _height(self, depth: int, direction: str) -> float:
        """Return the middle of the boxes of a direction of a layer."""
        low, high = self.rows[1 + depth]
        aside = (_BOX_HEIGHT + _PADDING) / 2
        return (low + high) / 2 + {"": 0.0, "forward": -aside, "backward": aside}[direction]

    def _draw_states(self, y: float, unit: Unit) -> None:
        """Draw how a state passes through time, beginning with zeros."""
        is_backward, n_columns = unit.direction == "backward", len(self.timesteps) + 2
        columns = self.columns[n_columns:0:-1] if is_backward else self.columns[:n_columns]
        self._write(sum(columns[0]) / 2, y, "0")
        self._write(self.ellipsis, y, r"$\cdots$", 13)
        for before, after in pairwise(columns):
            start, end = before[not is_backward], after[is_backward]
            self._arrow((start, y), (end, y))
            self._chip((start + end) / 2 + (0.06 if is_backward else -0.06), y, "R", unit)

    def _end(self) -> tuple[float, float]:
        """Return the column of the readout that there is once."""
        return self.columns[-1] if self.joins_ends else self.timesteps["T"]

    def _draw_pooling(self, readout: Unit) -> None:
        """Draw what is made of the states of all timesteps, and the arrows to it."""
        low, high = self.rows[-3]
        for column in self.timesteps.values():
            x = sum(column) / 2
            self._arrow((x, self.rows[-4][1]), (x, low))
        left, right = self.timesteps["1"][0], self.timesteps["T"][1]
        x, y = (left + right) / 2, (low + high) / 2
        self.boxes.append(self._box(x, y, right - left, high - low, "white", readout.colours[1]))
        self._write(x, y, self.pooled, color=_IN_BOXES)

    def _draw_readout(self, readout: Unit) -> None:
        """Draw the readout and its outputs, at each timestep or where the sequence ends."""
        (_, below), (low, high), (output, top) = self.rows[-3:]
        y = (low + high) / 2
        self._name_row(y, readout.name, "", readout.colours[self.shade])
        columns = self.timesteps if self.return_sequences else {"": self._end()}
        for name, column in columns.items():
            x = sum(column) / 2
            if self.joins_ends:
                self._draw_ends((x, low), (column[0], y), readout)
            else:
                self._arrow((x, below), (x, low))
            self._chip(x, (below + low) / 2 - 0.06, "V", readout)
            self.boxes.append(self._box(x, y, _BOX_WIDTH, _READOUT_HEIGHT, *readout.colours))
            self._write(x - 0.28, y, _count(readout.shapes[0][0], "output").replace(" ", "\n"), 8.5, color=_IN_BOXES)
            self._chip(x + 0.54, y, "c", readout)
            self._arrow((x, high), (x, output))
            self._write(x, (output + top) / 2, rf"$\hat{{y}}_{{{name}}}$" if name else r"$\hat{y}$", 12)

    def _draw_ends(self, below: tuple[float, float], beside: tuple[float, float], readout: Unit) -> None:
        """Draw arrows to the readout from the last state of each direction: that of T, and backward that of 1."""
        top, first, last = len(self.layers) - 1, self.timesteps["1"], self.timesteps["T"]
        self._arrow((last[1], self._height(top, "forward")), below, "angle,angleA=0,angleB=90,rad=0")
        start = sum(first) / 2, self._height(top, "backward") + _BOX_HEIGHT / 2
        self._arrow(start, beside, "angle,angleA=90,angleB=0,rad=0")
        self._chip(beside[0] - _GAP / 2, beside[1], "V", readout)

    def _draw_table(self, units: Sequence[Unit]) -> None:
        """Write the shapes of all parameters, once for all timesteps, and how many numbers they hold."""
        lines = [[self.grey, "", "W  input_weights_", "R  recurrent_weights_", "b  biases_", "parameters"]]
        for unit in units:
            shapes = list(map(str, unit.shapes))
            if len(shapes) == 2:  # the readout
                lines.append([self.grey, "", "V  readout_weights_", "", "c  readout_bias_", ""])
                shapes.insert(1, "")
            name, n_numbers = f"{unit.name} {unit.direction}".strip(), sum(map(prod, unit.shapes))
            lines.append([unit.colours[self.shade], name, *shapes, f"{n_numbers:,}"])
        n_numbers = sum(prod(shape) for unit in units for shape in unit.shapes)
        lines.append([self.ink, "in all, shared by all timesteps", "", "", "", f"{n_numbers:,}"])
        left, y = self.table
        for colour, *texts in lines:
            for column, text in zip(_TABLE_COLUMNS, texts, strict=True):
                side = "right" if column == _TABLE_COLUMNS[-1] else "left"
                weight = "normal" if column and colour != self.ink else "bold"
                self._write(left + column, y, text, 9, color=colour, ha=side, weight=weight)
            y -= _TABLE_ROW


def _intervals(lengths: Iterable[float]) -> list[tuple[float, float]]:
    """Return begin and end of cells of these lengths, one after another with gaps between them."""
    intervals, begin = [], 0.0
    for length in lengths:
        intervals.append((begin, begin + length))
        begin += length + _GAP
    return intervals


def _count(number: int, noun: str) -> str:
    """Return a number and what it counts."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
