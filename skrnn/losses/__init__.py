"""Losses: pointwise values and derivatives with respect to the outputs of a network."""
