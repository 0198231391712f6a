"""Applications and their policies, on every store."""
