"""What the project promises of itself: its picture, rules and dependencies."""
