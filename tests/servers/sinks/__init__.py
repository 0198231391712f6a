"""Real brokers, and receivers of webhooks, that facts are relayed to."""
