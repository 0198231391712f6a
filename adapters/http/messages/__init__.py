"""Request bodies, error responses, and their descriptions in OpenAPI."""
