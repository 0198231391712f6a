"""One file a migration, by what it changes; their numbers tell the order that they run in."""
