"""The erasure of what devices told while nobody was signed in on them (R54)."""
