"""Transactions of administration, tried again where another one was faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from addressee.domain import Conflict

from ..ports.operator_actions import Administering, AdministrableStore
from .command_runner import pause

T = TypeVar("T")
ATTEMPTS = 50
"""How often at most: what concerns the whole store has one stream, and few who write it."""


def administered(store: AdministrableStore, work: Callable[[Administering], T]) -> T:
    """Return what is done in a transaction; it may be done several times, and counts once.

    Raises:
        Conflict: a race was lost at every attempt.
        StoreUnavailable: the store can't be reached.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with store.administering() as transaction:
                return work(transaction)
        except Conflict as conflict:
            if conflict.final or attempt == ATTEMPTS:
                raise
            pause(attempt)
    raise AssertionError
