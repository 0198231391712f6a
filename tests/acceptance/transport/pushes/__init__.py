"""Pushes over HTTP."""
