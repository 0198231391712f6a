"""Read replicas: which database answers a query, so that it shows all that is committed (R19)."""
