"""A store whose identifier key is replaced, on each database (R5)."""
