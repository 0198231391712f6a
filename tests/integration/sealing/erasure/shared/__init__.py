"""Erasures of persons who had the same installations."""
