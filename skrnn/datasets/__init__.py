"""Small real data sets that ship with the package, and generators of classic sequence tasks."""

from skrnn.datasets._adding_problem import make_adding_problem
from skrnn.datasets._japanese_vowels import load_japanese_vowels
from skrnn.datasets._mackey_glass import make_mackey_glass
from skrnn.datasets._narendra import make_narendra
from skrnn.datasets._sunspots import load_sunspots
from skrnn.datasets._temporal_order import make_temporal_order

__all__ = [
    "load_japanese_vowels",
    "load_sunspots",
    "make_adding_problem",
    "make_mackey_glass",
    "make_narendra",
    "make_temporal_order",
]
