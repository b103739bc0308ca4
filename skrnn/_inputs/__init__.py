"""What users hand over: checks, and errors and warnings that name what they are about."""
