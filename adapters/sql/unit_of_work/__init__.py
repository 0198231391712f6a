"""One open transaction of a store: its view, and what it writes."""
