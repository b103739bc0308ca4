"""Who competes: a module each, with a function `prepare` from a problem to what runs it."""
