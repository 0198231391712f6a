"""The former name of `addressee.adapters.eventsourcing_store`."""

from addressee.adapters.eventsourcing_store import RecorderStore

__all__ = ["RecorderStore"]
