"""A whole ledger in a stream, and stores elsewhere that follow it."""

from .follower import Follower
from .follower_status import FollowerStatus, Promotion
from .outgoing_pages import LedgerPages

__all__ = ["Follower", "FollowerStatus", "LedgerPages", "Promotion"]
