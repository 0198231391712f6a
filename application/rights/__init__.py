"""The rights of persons: what a store holds about a person, handed out as one file or erased."""
