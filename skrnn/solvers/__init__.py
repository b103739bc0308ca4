"""Solvers: they minimise an objective, and see nothing else of the problem."""
