"""Push services, with every answer that they document."""
