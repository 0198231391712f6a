"""What a person is given of what a store holds."""
