"""The settings and policies of one mobile app."""
