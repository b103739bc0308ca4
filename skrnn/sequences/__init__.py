"""Sequences: the one internal form of X, batches of it, and windows of a series."""
