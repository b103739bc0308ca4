"""Checkpoints: their contents, and the files to which they are written and from which they are safely read."""
