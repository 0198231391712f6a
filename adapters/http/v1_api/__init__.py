"""The routes of our own backend API."""
