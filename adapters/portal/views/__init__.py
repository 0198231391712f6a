"""How pages show personal data, events, and who held a device over time."""
