"""How far each follower of the ledger is, and which process works on it."""
