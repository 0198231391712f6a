"""Which pushes left, from the records of dispatches and the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from addressee.domain import InvalidValue, UnknownDispatch, values

from .ports.delivery.dispatches import DispatchReader, SendingStore
from .ports.records import Recorded
from .ports.store import Viewable
from .read_models.sent_pushes import PAGE, SentPush, pushes_of, pushes_to
from .read_models.stream_pages import application_of, up_to
from .unit_of_work.aggregate_cache import AggregateCache
from .unit_of_work.merge_resolution import SeenPersons


class PushHistory:
    """The part of `History` about pushes."""

    _store: Viewable
    _cache: AggregateCache

    def installation(self, installation: str, *, within: str | None) -> Sequence[Recorded]:
        """Return everything that happened to an installation; `History` has it."""
        raise NotImplementedError

    def pushes(self, installation: str, *, within: str | None = None) -> Sequence[SentPush]:
        """Return the pushes that left for an installation, and whose it was then.

        Raises:
            NoRegistration: it was never registered.
            InvalidValue: the store sends no pushes, as that of a past moment.
        """
        recorded = self.installation(installation, within=within)
        [application] = {application_of(recorded[0])} - {None}
        with self._sending() as view:
            return [*self._seen(view, pushes_to(view, installation, str(application)))]

    def reached(self, dispatch: str, *, within: str | None = None) -> Iterator[SentPush]:
        """Yield the pushes of a dispatch, batch by batch, and whose each installation was then.

        Raises:
            UnknownDispatch: there is none of that id.
            InvalidValue: as for `pushes`.
        """
        name = values.identifier("dispatch", dispatch)
        with self._sending() as view:
            found = view.dispatch(name)
        if found is None or within not in (None, found.application):
            raise UnknownDispatch(name)
        return self._reached(name)

    def _reached(self, dispatch: str) -> Iterator[SentPush]:
        after = 0
        while True:
            with self._sending() as view:
                batches = view.batches(dispatch, after, PAGE)
                page = [*self._seen(view, pushes_of(view, batches))]
            if not batches:
                return
            yield from page
            after = batches[-1].number

    def _seen(self, view: DispatchReader, pushes: Iterable[SentPush]) -> Iterator[SentPush]:
        """Yield pushes with the persons as whom theirs were seen then."""
        persons, found = SeenPersons(view, self._cache), [*pushes]
        persons.load({push.person for push in found if push.person is not None})
        for push in found:
            if push.person is None:
                yield push
            else:
                name = persons.name(push.person, up_to(push.position))
                yield replace(push, person=name)

    def _sending(self) -> AbstractContextManager[DispatchReader]:
        if not isinstance(self._store, SendingStore):
            raise InvalidValue("store", "sends no pushes")
        return self._store.reading()
