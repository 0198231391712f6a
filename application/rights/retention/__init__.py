"""Erasure by time: what falls due is found where the ledger says since when (R54)."""
