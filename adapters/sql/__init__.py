"""A store in a SQL database, through SQLAlchemy Core."""

from .checkpoints.checkpoint_lease import Problem, ProjectionStatus
from .projections.runner import Projection, ProjectionRunner
from .rebuild.rebuild import READ_MODELS, Rebuild, RebuildProgress, unfilled
from .recorders.factory import SqlFactory
from .recorders.recorders import SqlApplicationRecorder, SqlProcessRecorder, SqlTrackingRecorder
from .store.store import SqlStore

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
    "unfilled",
]
