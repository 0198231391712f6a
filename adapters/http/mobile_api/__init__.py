"""The routes that mobile SDKs call."""
