"""Solvers, which minimise an objective and depend on nothing else."""
