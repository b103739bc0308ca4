"""Losses: what the outputs of a network cost, pointwise, and in which direction they should move."""
