"""The audience index as it is cached, for queries that one statement then answers.

Which installation has which ordinal never changes. So ids that are not cached are read by a second
statement, though that sees a later moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NoReturn

from addressee.application import NotCached

from ..audience_index.postings_reader import CachedPostings, Postings
from .view import SqlReader


class CachedView(SqlReader):
    """Shows cached postings, and raises NotCached for what else an audience may need.

    Args:
        connection: which needs no transaction.
        parts: the store's.
    """

    @cached_property
    def _postings(self) -> Postings:
        index = self._prepared.index
        return CachedPostings(self._connection, index, index.cache)

    def bound(self, *_: object, **__: object) -> NoReturn:
        """Raise NotCached."""
        raise NotCached

    ordinals = segments = bound

    def _read_names(self, ordinals: Sequence[int]) -> list[str]:
        try:
            return super()._read_names(ordinals)
        except KeyError:  # an installation was erased in between
            raise NotCached from None
