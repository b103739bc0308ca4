"""Where the parts of an unrolled network stand on its drawing; lengths are in boxes' units, not in inches."""

from dataclasses import dataclass
from functools import cached_property
from typing import final

BOX_WIDTH, BOX_HEIGHT = 1.75, 1.25
READOUT_HEIGHT = 0.95
CHIP_RADIUS = 0.25
TABLE_ROW = 0.6
#: Left edge of each column of the table, counted from the left edge of the drawing.
TABLE_COLUMNS = (0.0, 2.9, 6.2, 9.8)
TABLE_WIDTH = 14.4


@final
@dataclass(frozen=True)
class Plan:
    """Positions on the drawing of a network with these numbers of layers, directions and timesteps.

    A column is a timestep; the last one stands apart, behind an ellipsis. Of two directions, boxes of the pass from the
    beginning stand below and to the left, those of the pass from the end above and to the right, so that each has a
    lane for what goes straight up.
    """

    n_layers: int
    n_directions: int
    n_timesteps: int

    @property
    def shift(self) -> float:
        """How far the boxes of two directions stand from the middle of their column."""
        return 0.5 if self.n_directions == 2 else 0.0

    @property
    def lane(self) -> float:
        """How far what goes up into and out of them stands from the middle of their column."""
        return 0.85 if self.n_directions == 2 else 0.0

    @cached_property
    def columns(self) -> list[float]:
        """The middle of each column."""
        step = 3.5 if self.n_directions == 2 else 2.8
        columns = [step * number for number in range(self.n_timesteps - 1)]
        return [*columns, columns[-1] + step + 1.8]

    @property
    def first(self) -> float:
        """Left end of the arrow into the first box."""
        return -BOX_WIDTH / 2 - self.shift - 1.1

    @property
    def last(self) -> float:
        """Right end of what is drawn of the network."""
        end = self.columns[-1] + BOX_WIDTH / 2 + self.shift
        return end + 1.4 if self.n_directions == 2 else end

    @property
    def heading(self) -> float:
        """Right end of the names of the parts."""
        return self.first - 0.6

    @cached_property
    def left(self) -> float:
        """Left edge of the drawing."""
        drawn = self.last - self.heading + 1.75
        return self.heading - 1.75 - max(0.0, TABLE_WIDTH - drawn) / 2

    @property
    def right(self) -> float:
        """Right edge of the drawing."""
        return max(self.last, self.left + TABLE_WIDTH)

    def rows(self, depth: int) -> list[float]:
        """Return the middle of a layer's boxes, for each direction."""
        if self.n_directions == 1:
            return [2.25 + 2.55 * depth]
        return [2.6 + 4.75 * depth, 4.45 + 4.75 * depth]

    def bar(self, depth: int) -> float:
        """Return where the states of a layer's two directions are joined."""
        return self.rows(depth)[-1] + BOX_HEIGHT / 2 + 0.5

    @property
    def fork(self) -> float:
        """Where the input parts, on its way to two directions."""
        return 0.6

    def chip(self, depth: int) -> float:
        """Return the height of the input weights' names, below a layer."""
        return self.rows(depth)[0] - BOX_HEIGHT / 2 - 0.62

    @property
    def readout(self) -> float:
        """The middle of the readout's boxes."""
        top = self.rows(self.n_layers - 1)[-1] + BOX_HEIGHT / 2
        return top + READOUT_HEIGHT / 2 + (1.75 if self.n_directions == 2 else 1.3)

    @property
    def output(self) -> float:
        """The height of what the readout gives."""
        return self.readout + READOUT_HEIGHT / 2 + 0.85

    @property
    def table_left(self) -> float:
        """The left edge of the table, which stands below the middle of the drawing."""
        return (self.left + self.right - TABLE_WIDTH) / 2

    @property
    def table(self) -> float:
        """The height of the first line of the table."""
        return -1.2

    @property
    def bottom(self) -> float:
        """Lower edge of the drawing: below a line for each unit, the readout, two heads and a sum."""
        n_lines = self.n_layers * self.n_directions + 4
        return self.table - TABLE_ROW * (n_lines - 0.65) - 0.45

    @property
    def top(self) -> float:
        """Upper edge of the drawing."""
        return self.output + 0.45
