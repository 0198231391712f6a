"""Authentication by application code, API key or token of a person."""
