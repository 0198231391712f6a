"""The costs of sealed data, of erasures and of merges."""
