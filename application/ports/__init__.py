"""What the application needs of a store, and the data that goes to and fro."""
