"""A store in a SQL database, through SQLAlchemy Core."""

from .recorder import SqlApplicationRecorder, SqlProcessRecorder, SqlTrackingRecorder
from .store import SqlStore

__all__ = ["SqlApplicationRecorder", "SqlProcessRecorder", "SqlStore", "SqlTrackingRecorder"]
