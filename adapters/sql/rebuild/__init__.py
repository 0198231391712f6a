"""Read models rebuilt in shadow tables and swapped."""
