"""Ledgers that go into files and come out of them."""
