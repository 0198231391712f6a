"""JSON web tokens: their claims, and the keys and tokens of identity providers."""
