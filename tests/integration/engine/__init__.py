"""Connections and transactions of real databases."""
