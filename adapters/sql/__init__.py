"""A store in a SQL database, through SQLAlchemy Core."""

from .factory import SqlFactory
from .lease import Problem, ProjectionStatus
from .projecting import Projection, ProjectionRunner
from .recorder import SqlApplicationRecorder, SqlProcessRecorder, SqlTrackingRecorder
from .store import SqlStore

__all__ = [
    "Problem",
    "Projection",
    "ProjectionRunner",
    "ProjectionStatus",
    "SqlApplicationRecorder",
    "SqlFactory",
    "SqlProcessRecorder",
    "SqlStore",
    "SqlTrackingRecorder",
]
