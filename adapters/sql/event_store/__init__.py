"""The ledger: append with positions, read in order, seal."""
