"""Seals, and forgers who are found out by them."""
