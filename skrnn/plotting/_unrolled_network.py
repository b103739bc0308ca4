"""The drawing of an unrolled network: columns of timesteps, rows of layers, and a table of all parameters."""

from dataclasses import dataclass
from math import prod
from typing import final

from skrnn.plotting._unrolled_pen import GREY, INK, LAYER_COLOURS, READOUT_COLOURS, Pen
from skrnn.plotting._unrolled_plan import (
    BOX_HEIGHT,
    BOX_WIDTH,
    READOUT_HEIGHT,
    TABLE_COLUMNS,
    TABLE_ROW,
    TABLE_WIDTH,
    Plan,
)

Shape = tuple[int, ...]
_GAP = 0.05  # between a box and an arrow
_TAILWARD = 0.08  # how far a name stands from the middle of its arrow, for the head's sake
_DIRECTIONS = ("forward", "backward")


@final
@dataclass(frozen=True)
class Unit:
    """The recurrent unit of one direction of one layer: its place, its cell and the shapes of W, R and b."""

    depth: int
    direction: int
    n_directions: int
    cell: str
    shapes: tuple[Shape, Shape, Shape]

    @property
    def colours(self) -> tuple[str, str]:
        """Fill and edge of the layer."""
        return LAYER_COLOURS[self.depth % len(LAYER_COLOURS)]

    @property
    def hidden_size(self) -> int:
        """Number of units."""
        return self.shapes[1][1]

    @property
    def direction_name(self) -> str:
        """The direction, where there are two."""
        return _DIRECTIONS[self.direction] if self.n_directions == 2 else ""

    @property
    def is_backward(self) -> bool:
        """Whether it goes through time from the end."""
        return self.direction == 1


def draw_inputs(pen: Pen, plan: Plan, n_features: int) -> None:
    """Draw the inputs, and the ways from them to the lowest layer."""
    pen.write(plan.heading, 0.13, "input", weight="bold", ha="right")
    noun = "feature" if n_features == 1 else "features"
    pen.write(plan.heading, -0.3, f"{n_features} {noun}", 8, color=GREY, ha="right")
    for x, name in zip(plan.columns, _timestep_names(plan), strict=True):
        pen.write(x, 0.0, f"$x_{{{name}}}$", 12)
        for sign in _signs(plan):
            start = (
                [(x, 0.3)] if plan.n_directions == 1 else [(x, 0.3), (x, plan.fork), (x + sign * plan.lane, plan.fork)]
            )
            pen.arrow(*start, (x + sign * plan.lane, _bottom_of_box(plan, 0, sign)), crosses=sign > 0)
    pen.dots(sum(plan.columns[-2:]) / 2, 0.0)


def draw_layer(pen: Pen, plan: Plan, units: list[Unit]) -> None:
    """Draw a layer at each timestep, and the states that go from one to the next."""
    for unit in units:
        y = plan.rows(unit.depth)[unit.direction]
        edge = unit.colours[1]
        name = f"layer {unit.depth}"
        pen.write(plan.heading, y + (0.22 if unit.direction_name else 0.0), name, weight="bold", color=edge, ha="right")
        if unit.direction_name:
            pen.write(plan.heading, y - 0.22, unit.direction_name, 8.5, color=edge, ha="right")
        for x in plan.columns:
            _draw_unit(pen, plan, unit, x, y)
        _draw_recurrence(pen, plan, unit, y)


def _draw_unit(pen: Pen, plan: Plan, unit: Unit, column: float, y: float) -> None:
    """Draw the box of a timestep, with the names of bias and input weights."""
    sign = _signs(plan)[unit.direction]
    x, edge = column + sign * plan.shift, unit.colours[1]
    pen.box(x, y, unit.colours)
    pen.write(x - 0.3, y + 0.26, unit.cell.upper(), 10, weight="bold")
    pen.chip(x + 0.5, y + 0.25, "b", edge, is_backward=unit.is_backward)
    noun = "unit" if unit.hidden_size == 1 else "units"
    pen.write(x, y - 0.33, f"{unit.hidden_size} {noun}", 8.5)
    pen.chip(column + sign * plan.lane, plan.chip(unit.depth), "W", edge, is_backward=unit.is_backward)


def _draw_recurrence(pen: Pen, plan: Plan, unit: Unit, y: float) -> None:
    """Draw the ways of a state from timestep to timestep, through the recurrent weights, from zeros on."""
    sign = _signs(plan)[unit.direction]
    boxes = [x + sign * plan.shift for x in plan.columns]
    reach = BOX_WIDTH / 2 + _GAP
    left_ends = [plan.first, *(x + reach for x in boxes[:-1])]
    right_ends = [x - reach for x in boxes]
    if unit.is_backward:
        left_ends, right_ends = [x + reach for x in boxes], [*(x - reach for x in boxes[1:]), boxes[-1] + reach + 1.05]
    zero_at = right_ends[-1] + 0.2 if unit.is_backward else plan.first - 0.2
    pen.write(zero_at, y, "0", 9.5)
    ellipsis = len(boxes) - 2 if unit.is_backward else len(boxes) - 1
    for number, (left, right) in enumerate(zip(left_ends, right_ends, strict=True)):
        parts = [(left, right)]
        if number == ellipsis:
            middle = sum(boxes[-2:]) / 2
            pen.dots(middle, y)
            parts = [(left, middle - 0.4), (middle + 0.4, right)]
        for start, end in parts:
            ends = [(start, y), (end, y)]
            pen.arrow(*(ends[::-1] if unit.is_backward else ends))
            pen.chip(_between(plan, unit, start, end), y, "R", unit.colours[1], is_backward=unit.is_backward)


def _between(plan: Plan, unit: Unit, start: float, end: float) -> float:
    """Return where the recurrent weights' name stands on its arrow, clear of the other direction's ways up."""
    sign = _signs(plan)[unit.direction]
    for column in plan.columns:
        crossing = column - sign * plan.lane
        if plan.n_directions == 2 and start < crossing < end:
            start, end = (crossing, end) if crossing - start < end - crossing else (start, crossing)
    return (start + end) / 2 + (_TAILWARD if unit.is_backward else -_TAILWARD)


def draw_between(pen: Pen, plan: Plan, depth: int) -> None:
    """Draw the ways from a layer up to the next one, at each timestep."""
    for x in plan.columns:
        if plan.n_directions == 1:
            pen.arrow((x, _top_of_box(plan, depth, 0)), (x, _bottom_of_box(plan, depth + 1, 0)))
            continue
        _draw_join(pen, plan, depth, x)
        for sign in _signs(plan):
            lane = x + sign * plan.lane
            pen.arrow((lane, plan.bar(depth)), (lane, _bottom_of_box(plan, depth + 1, sign)), crosses=sign > 0)


def _draw_join(pen: Pen, plan: Plan, depth: int, x: float) -> None:
    """Draw how the states of a timestep's two directions come together."""
    for sign in _signs(plan):
        lane = x + sign * plan.lane
        pen.arrow((lane, _top_of_box(plan, depth, sign)), (lane, plan.bar(depth) - _GAP), crosses=sign < 0)
    pen.bar(x, plan.bar(depth), plan.lane + 0.1)


def draw_readout(pen: Pen, plan: Plan, n_outputs: int, *, return_sequences: bool) -> None:
    """Draw the readout, at each timestep or where the sequence ends for each direction."""
    edge = READOUT_COLOURS[1]
    columns = plan.columns if return_sequences else plan.columns[-1:]
    depth = plan.n_layers - 1
    for x, name in zip(columns, _timestep_names(plan)[-len(columns) :], strict=True):
        start = _top_of_box(plan, depth, 0)
        if plan.n_directions == 2:
            start = plan.bar(depth)
            if return_sequences:
                _draw_join(pen, plan, depth, x)
            else:
                _draw_join_of_ends(pen, plan, depth)
        low, high = plan.readout - READOUT_HEIGHT / 2, plan.readout + READOUT_HEIGHT / 2
        pen.arrow((x, start), (x, low - _GAP))
        pen.chip(x, (start + low) / 2 - _TAILWARD, "V", edge)
        pen.box(x, plan.readout, READOUT_COLOURS, READOUT_HEIGHT)
        noun = "output" if n_outputs == 1 else "outputs"
        pen.write(x - 0.28, plan.readout, f"{n_outputs}\n{noun}", 8.5)
        pen.chip(x + 0.54, plan.readout, "c", edge)
        pen.arrow((x, high + _GAP), (x, plan.output - 0.28))
        pen.write(x, plan.output + 0.05, rf"$\hat{{y}}_{{{name}}}$" if return_sequences else r"$\hat{y}$", 12)
    heading = plan.heading if return_sequences else columns[0] - BOX_WIDTH / 2 - 0.25
    pen.write(heading, plan.readout, "readout", weight="bold", color=edge, ha="right")


def _draw_join_of_ends(pen: Pen, plan: Plan, depth: int) -> None:
    """Draw how the two directions' last states come together: the backward one is that of the first timestep."""
    height, first, last = plan.bar(depth), plan.columns[0] + plan.lane, plan.columns[-1]
    pen.arrow((first, _top_of_box(plan, depth, 1)), (first, height), (last - plan.lane - 0.1 - _GAP, height))
    pen.arrow((last - plan.lane, _top_of_box(plan, depth, -1)), (last - plan.lane, height - _GAP), crosses=True)
    pen.bar(last, height, plan.lane + 0.1)


def draw_table(pen: Pen, plan: Plan, units: list[Unit], readout: tuple[Shape, Shape]) -> None:
    """Write the shapes of all parameters, once, whatever the number of timesteps, and how many numbers they hold."""
    columns = [plan.table_left + column for column in TABLE_COLUMNS]
    number_at = plan.table_left + TABLE_WIDTH
    y = plan.table
    _write_head(pen, y, columns[1:], ("input_weights_", "recurrent_weights_", "biases_"))
    pen.write(number_at, y, "parameters", 8.5, color=GREY, ha="right")
    for unit in units:
        y -= TABLE_ROW
        edge = unit.colours[1]
        pen.write(
            columns[0], y, f"layer {unit.depth} {unit.direction_name}".strip(), 9, weight="bold", color=edge, ha="left"
        )
        for x, letter, shape in zip(columns[1:], "WRb", unit.shapes, strict=True):
            pen.chip(x + 0.25, y, letter, edge, is_backward=unit.is_backward)
            pen.write(x + 0.7, y, str(shape), 9, ha="left")
        pen.write(number_at, y, f"{sum(map(prod, unit.shapes)):,}", 9, ha="right")
    y -= TABLE_ROW
    _write_head(pen, y, columns[1::2], ("readout_weights_", "readout_bias_"))
    y -= TABLE_ROW
    pen.write(columns[0], y, "readout", 9, weight="bold", color=READOUT_COLOURS[1], ha="left")
    for x, letter, shape in zip(columns[1::2], "Vc", readout, strict=True):
        pen.chip(x + 0.25, y, letter, READOUT_COLOURS[1])
        pen.write(x + 0.7, y, str(shape), 9, ha="left")
    pen.write(number_at, y, f"{sum(map(prod, readout)):,}", 9, ha="right")
    y -= 1.35 * TABLE_ROW
    n_parameters = sum(prod(shape) for unit in units for shape in unit.shapes) + sum(map(prod, readout))
    pen.write(columns[0], y, "in all, shared by all timesteps", 9, weight="bold", ha="left")
    pen.write(number_at, y, f"{n_parameters:,}", 9, weight="bold", ha="right")
    pen.ax.plot([plan.table_left, number_at], [y + 0.63 * TABLE_ROW] * 2, color=INK, linewidth=0.8 * pen.scale)


def _write_head(pen: Pen, y: float, columns: list[float], names: tuple[str, ...]) -> None:
    """Write the names of the attributes above their shapes."""
    for x, name in zip(columns, names, strict=True):
        pen.write(x, y, name, 8.5, color=GREY, ha="left")


def _signs(plan: Plan) -> tuple[int, ...]:
    """Return, for each direction, on which side of the middle of a column it stands."""
    return (-1, 1) if plan.n_directions == 2 else (0,)


def _timestep_names(plan: Plan) -> list[str]:
    """Return the subscripts of the timesteps that are drawn, the last of which is T."""
    return [*map(str, range(1, plan.n_timesteps)), "T"]


def _bottom_of_box(plan: Plan, depth: int, sign: int) -> float:
    """Return where an arrow into a layer's box from below ends."""
    return plan.rows(depth)[max(sign, 0)] - BOX_HEIGHT / 2 - _GAP


def _top_of_box(plan: Plan, depth: int, sign: int) -> float:
    """Return where an arrow out of a layer's box begins."""
    return plan.rows(depth)[max(sign, 0)] + BOX_HEIGHT / 2 + _GAP
