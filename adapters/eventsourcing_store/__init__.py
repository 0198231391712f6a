"""A store whose ledger is kept by any persistence module of `eventsourcing`."""

from .store import RecorderStore

__all__ = ["RecorderStore"]
