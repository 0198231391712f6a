"""How fast ledgers are read again: replay, rebuild, verify, export."""
