"""Key stores: where the keys of sealed personal data are, apart from the ledger."""

from .memory_keys import MemoryKeyStore
from .sql_keys import SqlKeyStore

__all__ = ["MemoryKeyStore", "SqlKeyStore"]
