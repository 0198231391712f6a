"""Followers of the ledger: a runner for projections of a host's own."""
