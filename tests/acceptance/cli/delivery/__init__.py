"""Pushes and facts that leave by command line."""
