"""Pushes that services as the real ones get."""
