"""A store in a SQL database, through SQLAlchemy Core."""

from .factory import SqlFactory
from .lease import Problem, ProjectionStatus
from .projecting import Projection, ProjectionRunner
from .rebuild import READ_MODELS, Rebuild, RebuildProgress
from .recorder import SqlApplicationRecorder, SqlProcessRecorder, SqlTrackingRecorder
from .store import SqlStore

__all__ = [
    "READ_MODELS",
    "Problem",
    "Projection",
    "ProjectionRunner",
    "ProjectionStatus",
    "Rebuild",
    "RebuildProgress",
    "SqlApplicationRecorder",
    "SqlFactory",
    "SqlProcessRecorder",
    "SqlStore",
    "SqlTrackingRecorder",
]
