"""A store in a SQL database, through SQLAlchemy Core."""

from .factory import SqlFactory
from .recorder import SqlApplicationRecorder, SqlProcessRecorder, SqlTrackingRecorder
from .store import SqlStore

__all__ = [
    "SqlApplicationRecorder",
    "SqlFactory",
    "SqlProcessRecorder",
    "SqlStore",
    "SqlTrackingRecorder",
]
