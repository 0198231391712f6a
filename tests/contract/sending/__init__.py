"""Dispatches of pushes, on every store."""
