"""The things that change, each from its own events, and the rules across two of them."""
