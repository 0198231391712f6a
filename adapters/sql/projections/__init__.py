"""Followers of the ledger: checkpoint, lease and runner."""
