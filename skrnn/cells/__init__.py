"""Cells: the elementwise mathematics of one timestep of a recurrent unit."""
