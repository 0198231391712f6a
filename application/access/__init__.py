"""API keys, and applications as a running service looks them up."""
