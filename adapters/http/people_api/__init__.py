"""The routes of the reference product's backend API."""
