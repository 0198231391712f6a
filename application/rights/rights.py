"""The rights of persons: access to what a store holds, and erasure (GDPR, articles 15, 17, 20)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NotRequired, TypedDict, Unpack

from addressee.domain import InvalidValue, values

from ..history import History
from ..ledger.seal_check import newest_seal
from ..personalization import Personalization
from ..ports.records import Seal
from ..ports.store import Store
from ..unit_of_work.command_context import Context, check_names
from .documents import csv_text, json_lines, json_text, readme, tables
from .erasure import Eraser, Erasure
from .erasure_commands import RequestErasure
from .held_data import HeldData, HeldDataReader
from .installations.erasure import InstallationEraser, InstallationErasure
from .installations.erasure_commands import anonymous_times
from .record_export import RecordExport
from .retention.inactive_persons import erasure_times
from .retention.ledger_search import under_way
from .retention.sweep import Run, Sweep, swept
from .zip_stream import ZipStream, in_blocks

FORMAT = 1


class Access(TypedDict):
    """Options of an export of a person's data.

    Keys:
        within: the only application whose installations it shows, and which must have met the
            person; None for all.
        addresses: whether push tokens and the like are shown; they are masked by default.
        processing: what the operator says of purposes, recipients and storage, as JSON.
        actor: the caller, as commands have it; ``backend`` by default.
        correlation_id: to find the record of the export by.
    """

    within: NotRequired[str | None]
    addresses: NotRequired[bool]
    processing: NotRequired[Mapping[str, Any] | None]
    actor: NotRequired[str]
    correlation_id: NotRequired[str | None]


class Rights:
    """Hands out what a store holds about a person, and erases persons.

    Args:
        store: where ledger and pushes are; an adapter's.
        people: records that an export was made; by default one of its own on the store.
    """

    def __init__(self, store: Store, people: Personalization | None = None) -> None:
        self._store = store
        self._people = people or Personalization(store)
        self._history = History(store, self._people.execution.cache)

    def of(self, person: str, **options: Unpack[Access]) -> Iterator[bytes]:
        """Return a ZIP of everything that is held about a person, in parts of about 64 KiB.

        That an export is made is recorded first, as `PersonExported`; the export shows the ledger
        up to that event. On devices that others use too, nothing of the others is shown.

        Args:
            person: the person's id.
            options: see `Access`.

        Raises:
            UnknownPerson: nobody has that id, or nobody that the application has met.
            InvalidValue, LimitExceeded: an option is wrong; nothing is recorded.
            StoreUnavailable, StoreDamaged: the store does not answer, or an event can't be read.
        """
        check_names(options, Access.__annotations__.keys())
        name = values.identifier("person", person)
        within, processing = options.get("within"), options.get("processing")
        addresses = values.flag("addresses", options.get("addresses", False))
        said = written_processing(processing)
        context = Context(
            within=within,
            actor=options.get("actor", RecordExport.actor),
            correlation_id=options.get("correlation_id"),
        )
        last = self._people.run(RecordExport(name), context).position
        reader = HeldDataReader(self._store, self._history, within, addresses=addresses)
        held = reader.read(name, last)
        about = {
            "format": FORMAT,
            "person": name,
            "application": within,
            "addresses": "shown" if addresses else "masked",
            "position": last,
            "seal": seal_fields(newest_seal(self._store)),
        }
        explained = readme(told=bool(processing), addresses=addresses)
        return zipped(
            reader, held, about, {"processing.json": said, "README.txt": [explained.encode()]}
        )

    def erase(
        self,
        person: str,
        *,
        dry_run: bool = False,
        within: str | None = None,
        actor: str = RequestErasure.actor,
        correlation_id: str | None = None,
    ) -> Erasure:
        """Make a person's data unreadable everywhere: ledger, read models, backups (R50).

        The person is signed out everywhere and found no more, and then the keys of the data are
        destroyed. A call that was interrupted is repeated, and goes on (R51).

        Args:
            person: the person's id.
            dry_run: only tell what would be erased.
            within: the only application that the caller may see, and the only one that may have
                met the person.
            actor: the caller, as commands have it; ``backend`` by default.
            correlation_id: to find the record of the erasure by.

        Raises:
            StoreNotSealed: the store has personal data in clear.
            UnknownPerson: nobody has that id, or nobody that the application has met.
            ErasureRefused: other applications have met the person too.
            StoreUnavailable: store or key store can't be reached.
        """
        name = values.identifier("person", person)
        eraser = Eraser(self._store, self._people, self._history)
        if values.flag("dry_run", dry_run):
            return eraser.preview(name, within)
        return eraser.run(name, Context(within=within, actor=actor, correlation_id=correlation_id))

    def erase_installation(
        self,
        installation: str,
        *,
        dry_run: bool = False,
        within: str | None = None,
        actor: str = RequestErasure.actor,
        correlation_id: str | None = None,
    ) -> InstallationErasure:
        """Make unreadable what a device told while nobody was signed in on it (R50, R54).

        An installation that has not expired does so first, and its person is signed out. What it
        told while a person was signed in on it, or before the first one was, is that person's, and
        stays. A call that was interrupted is repeated, and goes on.

        Args:
            installation: its id.
            dry_run: only tell what would be erased.
            within: the only application that the caller may see.
            actor: the caller, as commands have it; ``backend`` by default.
            correlation_id: to find the record of the erasure by.

        Raises:
            StoreNotSealed: the store has personal data in clear.
            NoRegistration: it was never registered, or not by that application.
            StoreUnavailable: store or key store can't be reached.
        """
        name = values.identifier("installation", installation)
        eraser = InstallationEraser(self._store, self._people, self._history)
        if values.flag("dry_run", dry_run):
            return eraser.preview(name, within)
        return eraser.run(name, Context(within=within, actor=actor, correlation_id=correlation_id))

    def erase_inactive(
        self,
        now: datetime | None = None,
        *,
        dry_run: bool = False,
        erased: Callable[[Erasure | InstallationErasure], object] = lambda _: None,
        progress: Callable[[int, int], object] = lambda _, __: None,
    ) -> int:
        """Erase persons and installations that are gone for long; a scheduler calls this (R54).

        For persons who have no installation any more the ``erase_after`` of each application that
        has met them says how long that is: all must have one, and the longest counts. Whoever signs
        in meanwhile is not erased. Of installations that have expired it erases what they told
        while nobody was signed in on them, as their application's ``erase_anonymous_after`` says,
        after the persons.

        It takes time that grows with what was recorded in the time that has become old enough since
        the run before; the first run, and the first with other times, reads the ledger up to there.

        Several processes may run it at once. One that was interrupted goes on at the next call, and
        finishes the erasure that it was at.

        Args:
            now: the time to judge by, aware of its zone; the clock's by default.
            dry_run: only tell what would be erased.
            erased: called with each erasure.
            progress: called now and then with the position that is reached, and that of the last
                event; once for persons and once for installations.

        Returns:
            How many persons and installations were erased, or would be.

        Raises:
            StoreNotSealed: an application has such a time, and personal data is in clear.
            StoreUnavailable: store or key store can't be reached; or some erasures
                failed, which the next call tries again: all others were made.
        """
        at = values.moment("now", now or self._people.execution.clock())
        values.flag("dry_run", dry_run)
        with self._store.reading() as reader:
            retentions = self._people.policies.retentions(reader)
        times, anonymous = erasure_times(retentions), anonymous_times(retentions)
        half = under_way(self._store)
        if not times and not anonymous and not half:
            return 0
        given, run = (self._store, self._people, self._history), Run(at, progress, dry_run)
        persons = Sweep[Erasure | InstallationErasure](Eraser(*given), times, run)
        devices = Sweep[Erasure | InstallationErasure](InstallationEraser(*given), anonymous, run)
        found = set[tuple[type, str]]()
        for one in swept((persons, devices), half, dry_run=dry_run):
            name = one.person if isinstance(one, Erasure) else one.installation
            if (type(one), name) not in found:
                found.add((type(one), name))
                erased(one)
        return len(found)


def zipped(
    reader: HeldDataReader, held: HeldData, about: dict[str, Any], others: Mapping[str, list[bytes]]
) -> Iterator[bytes]:
    """Yield the ZIP.

    Args:
        reader: has the lines of the timeline.
        held: what is held about the person.
        about: the fields of the manifest besides the sums.
        others: further files.
    """
    archive = ZipStream()
    for name, parts in others.items():
        yield from archive.member(name, parts)
    yield from archive.member("person.json", in_blocks(json_text(held.summary)))
    lines = json_lines(reader.lines(held.events))
    yield from archive.member("timeline.ndjson", in_blocks(lines))
    for name, columns, rows in tables(held.summary):
        yield from archive.member(f"{name}.csv", in_blocks(csv_text(columns, rows)))
    sums = {name: {"sha256": sum_, "bytes": size} for name, (size, sum_) in archive.sums.items()}
    manifest = json_text({**about, "files": sums})
    yield from archive.member("manifest.json", in_blocks(manifest))
    yield from archive.end()


def seal_fields(seal: Seal | None) -> dict[str, Any] | None:
    """Return the number of a seal, its last position, and its digest."""
    if seal is None:
        return None
    return {"number": seal.number, "last": seal.last, "digest": seal.digest.hex()}


def written_processing(processing: Mapping[str, Any] | None) -> list[bytes]:
    """Return what the operator says as JSON, an empty object for None; raises InvalidValue."""
    said: Mapping[str, Any] = {} if processing is None else processing
    values.instance("processing", said, Mapping)  # type: ignore[type-abstract]
    try:
        return [*in_blocks(json_text({**said}))]
    except (TypeError, ValueError, RecursionError):
        raise InvalidValue("processing", "should be a JSON object") from None
