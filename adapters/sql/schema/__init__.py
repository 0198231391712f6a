"""The tables: what they are, how they are made, protected and migrated."""
