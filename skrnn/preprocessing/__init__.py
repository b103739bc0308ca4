"""Transformers and functions that make sequences from series, tables and other sequences."""

from skrnn.preprocessing._lags_to_sequences import LagsToSequences
from skrnn.preprocessing._patch_sequences import PatchSequences
from skrnn.preprocessing._sequence_transformer import SequenceTransformer
from skrnn.preprocessing._sliding_window import SlidingWindow
from skrnn.preprocessing._to_sequences import TableSequences, to_sequences

__all__ = [
    "LagsToSequences",
    "PatchSequences",
    "SequenceTransformer",
    "SlidingWindow",
    "TableSequences",
    "to_sequences",
]
