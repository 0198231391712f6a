"""A client of `/v1` in Python."""
