"""API keys, and the configuration of mobile apps: cached for services, as policies for commands."""
