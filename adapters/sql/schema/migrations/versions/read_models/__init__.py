"""Migrations of what is derived from the ledger."""
