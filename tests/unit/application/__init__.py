"""Parts of the application by themselves."""
