"""What an operator lays down for one mobile app."""
