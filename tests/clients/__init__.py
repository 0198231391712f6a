"""Clients of servers under test: those that flood them, and those that watch them meanwhile."""
