"""The ledger as a whole: hash chain, seals, verification, transfer."""
