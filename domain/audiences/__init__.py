"""The audience language: expressions, their text, and the index terms that they name."""
