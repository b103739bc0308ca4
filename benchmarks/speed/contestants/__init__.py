"""The contestants: one module each, with a function `prepare` that returns a runner for a problem."""
