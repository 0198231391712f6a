"""How tables are made, migrated and protected."""
