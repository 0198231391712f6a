"""The vendor's backend API."""
