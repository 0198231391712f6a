"""A whole ledger in a stream, and stores elsewhere that follow it."""

from .follower import Follower
from .outgoing_pages import LedgerPages
from .progress import FollowerStatus, Promotion

__all__ = ["Follower", "FollowerStatus", "LedgerPages", "Promotion"]
