"""Read models that are built anew, and those of a host."""
