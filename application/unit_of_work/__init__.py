"""One command at work: repository, cache, results."""
