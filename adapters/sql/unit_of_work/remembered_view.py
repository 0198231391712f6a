"""The audience index as it is in memory, for queries that one statement then answers."""

from __future__ import annotations

from functools import cached_property
from typing import NoReturn

from addressee.application import NotInMemory

from ..audience_index.postings_reader import Postings, PostingsInMemory
from .view import SqlReader


class RememberedView(SqlReader):
    """Shows postings that are in memory, and raises NotInMemory for what an audience needs else.

    Args:
        connection: which needs no transaction, for there is one statement.
        parts: the store's.
    """

    @cached_property
    def _postings(self) -> Postings:
        index = self._prepared.index
        return PostingsInMemory(self._connection, index, index.cache)

    def bound(self, *_: object, **__: object) -> NoReturn:
        """Raise NotInMemory."""
        raise NotInMemory

    ordinals = segments = bound
