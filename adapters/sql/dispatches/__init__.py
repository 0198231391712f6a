"""Dispatches and their batches in tables."""
