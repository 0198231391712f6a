"""Facts that real brokers and endpoints get."""
