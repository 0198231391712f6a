"""The inverted index in a database."""
