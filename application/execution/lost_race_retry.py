"""Transactions that are tried again where another one was faster."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from addressee.domain import Conflict

from ..ports.operator_actions import Administering, AdministrableStore
from .command_runner import pause

T = TypeVar("T")
ATTEMPTS = 50
"""How often at most: what concerns the whole store has one stream, and few who write it."""


def tried_again(work: Callable[[], T], attempts: int = ATTEMPTS) -> T:
    """Return what is done in a transaction; it may be done several times, and counts once.

    Args:
        work: opens the transaction, and ends it.
        attempts: how often at most.

    Raises:
        Conflict: a race was lost at every attempt, or would be at each.
    """
    for attempt in range(1, attempts):
        try:
            return work()
        except Conflict as conflict:
            if conflict.final:
                raise
            pause(attempt)
    return work()


def administered(store: AdministrableStore, work: Callable[[Administering], T]) -> T:
    """Return what is done in a transaction of administration, as `tried_again` does it.

    Raises:
        Conflict: likewise.
        StoreUnavailable: the store can't be reached.
    """
    return tried_again(partial(within, store, work))


def within(store: AdministrableStore, work: Callable[[Administering], T]) -> T:
    """Return what is done in one transaction of administration."""
    with store.administering() as transaction:
        return work(transaction)
