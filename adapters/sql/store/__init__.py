"""The store that is put together of all below."""
