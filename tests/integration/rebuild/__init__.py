"""Read models that are built anew beside commands and queries."""
