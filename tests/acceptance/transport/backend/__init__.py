"""What a backend asks by its key."""
