"""Events and commands as JSON."""
