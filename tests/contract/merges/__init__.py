"""Merging persons, and taking it back."""
