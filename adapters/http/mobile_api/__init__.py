"""The API of the mobile SDKs."""
