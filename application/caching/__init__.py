"""The one cache of this library, bounded by bytes."""
