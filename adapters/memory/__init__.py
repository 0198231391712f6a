"""A store in the memory of one process: for tests, and the example for authors of adapters."""

from .store import MemoryStore

__all__ = ["MemoryStore"]
