"""What the audience index was: marks of past states, and the bits that changed between them."""
