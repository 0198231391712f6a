"""From an audience's expression to ordinals, and why."""
