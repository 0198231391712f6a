"""The ledger's table as a persistence module of `eventsourcing`."""
