"""Facts on their way to other services: their form, and the relay that brings them to a sink."""
