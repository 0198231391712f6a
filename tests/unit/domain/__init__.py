"""Rules without a store."""
