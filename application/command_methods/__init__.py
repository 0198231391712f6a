"""The methods of `Personalization` that run commands: on installations, persons, and merges."""
