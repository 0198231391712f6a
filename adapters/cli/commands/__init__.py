"""The commands of `addressee`, a file for those that belong together."""
