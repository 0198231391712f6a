"""Migrations of the ledger itself, and the first of all tables."""
