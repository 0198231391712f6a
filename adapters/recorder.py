"""The former name of `addressee.adapters.eventsourcing_store`."""

from .eventsourcing_store import RecorderStore

__all__ = ["RecorderStore"]
