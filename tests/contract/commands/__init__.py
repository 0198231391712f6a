"""Commands, their outcomes and their refusals, on every store."""
