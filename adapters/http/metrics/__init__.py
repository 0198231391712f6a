"""What `/metrics` tells: requests, groups, sinks, replicas and identity providers' keys."""
