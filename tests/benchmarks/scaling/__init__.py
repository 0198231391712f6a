"""How costs grow with the number of installations."""
