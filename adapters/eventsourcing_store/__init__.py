"""A store with its ledger in any persistence module of `eventsourcing`."""

from .store import RecorderStore

__all__ = ["RecorderStore"]
