"""Filling empty tables with a whole ledger."""
