"""The aggregates, each folded from its own events, and the rules that span two of them."""
