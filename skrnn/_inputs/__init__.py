"""Checks of user input, and errors and warnings that name it."""
