"""History from the ledger: events, and the holder of a device at any moment (R36)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import cast

from addressee.domain import (
    IdentifierClaim,
    IdentifierClaimed,
    Installation,
    InvalidValue,
    Kind,
    NoRegistration,
    UnknownPerson,
    identifier_of,
    values,
)
from addressee.domain.events import actions_of

from .ports.records import LARGEST_POSITION, Recorded
from .ports.store import Viewable
from .ports.transaction_views import Reader
from .read_models.claim_names import check_key, streams_of
from .read_models.stream_pages import Page, application_of, concerns
from .state_history import StateHistory
from .unit_of_work.aggregate_cache import AggregateCache
from .unit_of_work.command_context import checked_actor
from .unit_of_work.merge_resolution import SeenPersons
from .unit_of_work.repository import AggregateRepository

PAGE = 5_000
"""How many events are read at once where the whole ledger is."""
MOST_ACTIONS = 1_000_000


class History(StateHistory):
    """Reads the ledger; the answers do not depend on any read model.

    Every call may raise StoreUnavailable for a store that does not answer. Every call but `actor`
    takes ``within``, the application that the caller is confined to: what happened on installations
    of others is left out, and persons who never had one of its own are not known.

    Args:
        store: where the ledger is; an adapter's.
        cache: states as last seen, which commands on the same store share; with them a person whom
            an application has not met takes no longer than one that does not exist.
    """

    def __init__(self, store: Viewable, cache: AggregateCache | None = None) -> None:
        self._store = store
        self._cache = cache or AggregateCache()

    def installation(
        self,
        installation: str,
        *,
        after: int = 0,
        limit: int | None = None,
        within: str | None = None,
    ) -> Sequence[Recorded]:
        """Return everything that happened to an installation, oldest first.

        Args:
            installation: its id.
            after: only events after this position, the last one of an earlier page.
            limit: most events; None for all.
            within: the only application that the caller may see.

        Raises:
            NoRegistration: it was never registered; expired ones keep their history.
        """
        name = values.identifier("installation", installation)
        cut = Page.of(after, limit)
        recorded = self._stream(Installation(name).id)
        if recorded and concerns(recorded, within):
            return cut.of_events(recorded)
        raise NoRegistration(name)

    def person(
        self, person: str, *, after: int = 0, limit: int | None = None, within: str | None = None
    ) -> Sequence[Recorded]:
        """Return everything that happened to a person, oldest first.

        Of merged persons it is what happened to any of them, by whichever id (R52). Other
        arguments as for `installation`.

        Raises:
            UnknownPerson: nobody has that id.
        """
        name, cut = values.identifier("person", person), Page.of(after, limit)
        return cut.of_events(
            [
                each
                for each in self._person(name, within)
                if within is None or application_of(each) in (None, within)
            ]
        )

    def identifier(
        self,
        kind: str,
        value: str,
        *,
        after: int = 0,
        limit: int | None = None,
        within: str | None = None,
    ) -> Sequence[Recorded]:
        """Return who held an identifier and when: claims and releases, oldest first (R5).

        Persons who are erased are left out: nothing leads from an identifier to them (R50).

        Args:
            kind: ``external_id``, ``msisdn`` or ``email``.
            value: in any form that `Identity` takes.
            after: only events after this position.
            limit: most events; None for all.
            within: the only application that the caller may see.

        Returns:
            The events; none where nobody ever held it.
        """
        chosen: Kind = values.choice("kind", kind, Kind)
        key = self._store.identifier_key
        claim = IdentifierClaim.on(identifier_of(chosen, value), key)
        cut = Page.of(after, limit)
        with self._store.reading() as view:
            check_key(view, key)
            streams = streams_of(view, [claim.id])[claim.id]
            found = view.streams(dict.fromkeys(streams, 0))
        recorded = tuple(e for stream in reversed(streams) for e in found.get(stream, ()))
        if not recorded and within is None:
            return recorded
        claimed = [(each, each.event) for each in recorded]
        holders = {event.person for _, event in claimed if isinstance(event, IdentifierClaimed)}
        # One that nobody ever held takes as long: its name is looked up as if it were a person's.
        known = {person for person in holders or {claim.name} if self._leads_to(person, within)}
        return cut.of_events(
            [
                each
                for each, event in claimed
                if isinstance(event, IdentifierClaimed) and event.person in known
            ]
        )

    def actions(
        self,
        application: str,
        *,
        whole: bool = False,
        before: int = LARGEST_POSITION,
        limit: int = 100,
    ) -> Sequence[Recorded]:
        """Return what operators and backends did to an application, the newest first (R60).

        That is to its settings, its keys and its pushes.

        Args:
            application: its code.
            whole: also what was done to the store as a whole: to sinks, and works on it.
            before: only events before this position, the last one of an earlier page.
            limit: most events, up to 1,000,000.
        """
        code = values.identifier("application", application)
        most = values.whole("limit", limit, 1, MOST_ACTIONS)
        end = values.whole("before", before, 1, LARGEST_POSITION)
        with self._store.reading() as view:
            found = [*cast("Reader", view).newest(actions_of(code), most, end)]
            if values.flag("whole", whole):
                found += cast("Reader", view).newest(actions_of(None), most, end)
        return sorted(found, key=itemgetter(0), reverse=True)[:most]

    def actor(
        self,
        actor: str,
        *,
        after: int = 0,
        progress: Callable[[int], object] = lambda _: None,
    ) -> Iterator[Recorded]:
        """Yield all events of one actor that are committed now, oldest first.

        The ledger has no index by actor: all of it is read, that of all applications, a page in
        memory at a time.

        Args:
            actor: as commands were given it, such as ``backend:billing``.
            after: resume after this position.
            progress: called after each page with a position that is safe to resume after.

        Raises:
            InvalidValue: there are no actors of that kind, or the ledger is not settled up to
                ``after``, so that an earlier event may still appear.
        """
        values.whole("after", after, 0, LARGEST_POSITION)
        checked, settled = checked_actor(actor), self._store.settled()
        if after > settled:
            problem = f"should be a position up to which the ledger is settled, 0 to {settled}"
            raise InvalidValue("after", problem)
        return self._asked_for(checked, after, settled, progress)

    def _asked_for(
        self, actor: str, after: int, settled: int, progress: Callable[[int], object]
    ) -> Iterator[Recorded]:
        """Yield what is settled page by page, then what is not from the view of one moment."""
        late: list[Recorded] = []
        end = settled
        with self._store.reading() as view:
            while page := view.events(end, PAGE):
                late += (each for each in page if each.event.actor == actor)
                end = page[-1].position
        while True:
            with self._store.reading() as view:
                page = view.events(after, PAGE, settled)
            if not page:
                break
            yield from (each for each in page if each.event.actor == actor)
            after = page[-1].position
            progress(after)
        yield from late

    def _person(self, name: str, within: str | None) -> Sequence[Recorded]:
        self._check_known(name, within)
        with self._store.reading() as view:
            if recorded := SeenPersons(view, self._cache).events(name):
                return recorded
        raise UnknownPerson(name)

    def _leads_to(self, person: str, within: str | None) -> bool:
        """Return whether an identifier may lead a caller to a person."""
        application = None if within is None else values.identifier("within", within)
        with self._store.reading() as view:
            repository = AggregateRepository(cast("Reader", view), self._cache)
            erased = repository.person(person).erasing
            return not erased and repository.seen(person).known_in(application)

    def _stream(self, stream: str) -> Sequence[Recorded]:
        with self._store.reading() as reader:
            return reader.streams({stream: 0}).get(stream, ())
