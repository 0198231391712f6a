"""How fast pushes and facts go out."""
