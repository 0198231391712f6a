"""Serialization of events and commands as JSON."""
