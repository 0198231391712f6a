"""Parts of the adapters by themselves."""
