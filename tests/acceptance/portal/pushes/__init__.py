"""Pushes in the portal."""
