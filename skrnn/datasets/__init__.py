"""Small real data sets that ship with the package, and generators of classic sequence tasks."""

from skrnn.datasets._dynamical_systems import make_mackey_glass, make_narendra
from skrnn.datasets._loaders import load_japanese_vowels, load_sunspots
from skrnn.datasets._long_memory import make_adding_problem, make_temporal_order

__all__ = [
    "load_japanese_vowels",
    "load_sunspots",
    "make_adding_problem",
    "make_mackey_glass",
    "make_narendra",
    "make_temporal_order",
]
