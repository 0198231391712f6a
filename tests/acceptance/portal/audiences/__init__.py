"""Audiences in the portal."""
