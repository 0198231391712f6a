"""How tables of an earlier release become those of this one; see `addressee migrate --help`."""
