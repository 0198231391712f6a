"""What the ledger tells of the present and the past, on every store."""
