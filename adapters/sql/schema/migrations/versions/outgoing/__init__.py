"""Migrations of what leaves a store: pushes, and facts for other services."""
