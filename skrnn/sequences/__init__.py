"""Sequences: the internal form of X, batches of sequences, and windows of a series."""
