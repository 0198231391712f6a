"""Bounds on the load of one process: requests a second, requests at once, bytes of bodies."""
