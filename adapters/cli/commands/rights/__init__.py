"""The rights of persons: what is held, shown and erased, and persons merged."""
