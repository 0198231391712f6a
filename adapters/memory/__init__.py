"""A store in the memory of one process: for tests, and the example for authors of adapters."""

from .applications import MemoryApplications
from .store import MemoryStore

__all__ = ["MemoryApplications", "MemoryStore"]
