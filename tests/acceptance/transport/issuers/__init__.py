"""Persons who sign in at an identity provider, over real sockets."""
