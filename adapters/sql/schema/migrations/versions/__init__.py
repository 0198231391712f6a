"""One file a migration, in order; each says whether it goes before or after a deployment."""
