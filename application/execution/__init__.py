"""How commands run: retries, idempotency, subscribers."""
