"""A store as an auditor sees it in one transaction: everything, and nothing from a cache."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from .records import InstallationRow, Mark, Seal, Stored, TimeSpan
from .transaction_views import Reader, RememberingView, Transaction


class Audit(Reader, Protocol):
    """Show everything, for checks, from the database alone: no cache is used."""

    def last(self) -> int:
        """Return the position of the last event that this view sees; 0 if there is none."""
        ...

    def rows(self) -> Iterable[InstallationRow]:
        """Return every installation's row, expired ones too."""
        ...

    def claims(self) -> Iterable[tuple[str, str]]:
        """Return claim stream and person of every identifier that is held."""
        ...

    def terms(self) -> Iterable[tuple[str, str]]:
        """Return application and term of all that have postings or had some.

        A term of which a store writes no more than a hash may come as it is written.
        """
        ...

    def written(self, term: str) -> str:
        """Return how `terms` shows a term, and `postings` takes it as well."""
        ...

    def stored(self, after: int | None, limit: int, last: int | None = None) -> Sequence[Stored]:
        """Return the same events as `events`, as they are stored; it interprets none of them.

        Without ``after`` it begins with the lowest position there is, which should be 1 or more.
        """
        ...

    def seals(self, after: int, limit: int) -> Sequence[Seal]:
        """Return up to ``limit`` seals after a number, in order."""
        ...


@runtime_checkable
class RememberingAudit(RememberingView, Audit, Protocol):
    """Show all that is remembered."""

    def exact_marks(self) -> Sequence[Mark]:
        """Return the marks that show all events up to a position and none after it, in order."""
        ...

    def time_spans(self) -> Sequence[TimeSpan]:
        """Return what is remembered of the times of events, in order."""
        ...


class AuditTransaction(Transaction, Audit, Protocol):
    """Change a store of which everything is seen."""
