"""Tokens of identity providers, and their keys over real sockets."""
