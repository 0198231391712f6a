"""Bodies in, errors out, and how OpenAPI describes both."""
