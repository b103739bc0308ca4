"""Every value of `cell`, and the class that it stands for."""

from skrnn.cells._base import Cell
from skrnn.cells._gru import GRUCell
from skrnn.cells._lstm import LSTMCell
from skrnn.cells._simple import SimpleCell

CELLS: dict[str, type[Cell]] = {
    "rnn": SimpleCell,
    "gru": GRUCell,
    "lstm": LSTMCell,
}
