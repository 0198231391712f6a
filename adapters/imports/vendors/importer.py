"""Turns rows into ordinary commands: the same rules and refusals as for everybody (R53)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import IO, Any, Literal, cast

from addressee.application import Call, Context, Identity, Personalization, bulk, together
from addressee.application.bulk import order_of
from addressee.application.default_clock_and_ids import utc_now
from addressee.domain import AddresseeError, IdempotencyKeyReused, InvalidValue, values
from addressee.domain.address import service_of

from .cells import digest
from .imported_rows import Format, Options, Row, Skip
from .record_reader import read_records
from .staging import Staged, Staging

ACTOR = "backend:import"
ENVIRONMENTS = Literal["production", "sandbox"]
UNDATED = "no row says when it was last seen: of rows with one token the last in the file is live"
SOME_UNDATED = "rows without a last-seen time count as older than those with one"


@dataclass(slots=True)
class Report:
    """What became of the rows of a file; the numbers of both kinds add up to ``rows``.

    Args:
        source: the system that the file comes from.
        application: the code of the application.
        dry_run: whether nothing was written. Then ``imported`` counts what would be tried; refusals
            that depend on what the store has are not known.
        records: records of the file.
        rows: their rows: one a record, or one an address where records list several.
        imported: ``bound`` to a person, ``anonymous``, ``opted_out`` (pushes disabled),
            ``expired`` (dead), ``superseded`` (a later row has the token), ``contact`` (an e-mail
            address or phone number that a person got).
        skipped: reason → rows; codes of errors are in upper case.
        first: reason → the first record, from 1, that has such a row; not of refusals by the store.
        notes: what the numbers do not say.
    """

    source: str
    application: str
    dry_run: bool
    records: int = 0
    rows: int = 0
    imported: Counter[str] = field(default_factory=Counter[str])
    skipped: Counter[str] = field(default_factory=Counter[str])
    first: dict[str, int] = field(default_factory=dict[str, int])
    notes: list[str] = field(default_factory=list[str])

    def as_json(self) -> dict[str, Any]:
        """Return the report as an object, reasons in alphabetical order."""
        counts = {name: dict(sorted(getattr(self, name).items())) for name in COUNTS}
        return {**asdict(self), **counts}


COUNTS = ("imported", "skipped")


class Import:
    """One file on its way into a store.

    Args:
        form: the format of the file.
        options: what the file does not tell.
        dry_run: only read and count.
        clock: gives the time: of rows that were last seen after it, the store's clock counts.

    Raises:
        InvalidValue: an option has a wrong value.
    """

    def __init__(
        self,
        form: Format,
        options: Options,
        *,
        dry_run: bool = False,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        values.identifier("application", options.application)
        if options.apns_environment is not None:
            values.choice("apns_environment", options.apns_environment, ENVIRONMENTS)
        self._form, self._options, self._clock = form, options, clock
        self._staging = Staging()
        self.report = Report(form.name, options.application, dry_run)

    def close(self) -> None:
        """Delete the temporary file."""
        self._staging.close()

    def read(self, file: IO[bytes], progress: Callable[[], None] = lambda: None) -> None:
        """Read the whole file; nothing is written to any store.

        Args:
            file: open for reading bytes, plain or gzip.
            progress: called now and then.

        Raises:
            InvalidValue: the file is no whole export of that kind, or Apple's tokens are in it and
                their environment is not known.
        """
        people, has_person = self._form.person(self._options), False
        for record in read_records(file, self._form):
            self.report.records += 1
            has_person = has_person or any(name in record for name in people)
            for row in self._rows_of(record):
                self.report.rows += 1
                self._take(row)
            if not self.report.records % 1000:
                progress()
        if not self.report.records:
            raise InvalidValue("file", "has no records")
        if people and not has_person:
            problem = f"names no person: no record has {' or '.join(people)}; {self._form.hint}"
            raise InvalidValue("file", problem)
        dated = self._staging.dated()
        if not dated:
            self.report.notes.append(UNDATED)
        elif dated < self._staging.count:
            self.report.notes.append(SOME_UNDATED)

    def write(
        self,
        people: Personalization | None,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Report:
        """Run the commands, 500 rows a transaction, and return the report.

        A run that was interrupted is continued by another one: what is in the store already is not
        recorded again.

        Args:
            people: where to; None for a dry run.
            progress: called with the numbers of rows done and in all.

        Raises:
            StoreError, Conflict: the store failed; what was committed stays, and counts.
        """
        done = 0
        for batch in self._staging.batches():
            calls = [(each, self._call(each)) for each in batch]
            tried = [(each, call) for each, call in calls if call is not None]
            self.report.skipped["contact_without_device"] += len(calls) - len(tried)
            outcomes: list[object] = [None] * len(tried)
            if people is not None:
                outcomes = [*bulk(people, [call for _, call in tried])]
            for (each, _), outcome in zip(tried, outcomes, strict=True):
                if isinstance(outcome, AddresseeError):
                    self.report.skipped[reason_of(outcome)] += 1
                else:
                    self.report.imported[state_of(each)] += 1
            done += len(batch)
            progress(done, self._staging.count)
        self.report.skipped += Counter()  # drops the zeros
        if self.report.imported["anonymous"] and self._form.anonymous:
            self.report.notes.append(self._form.anonymous)
        self.report.imported += Counter()
        return self.report

    def _rows_of(self, record: Any) -> Iterator[Row | Skip]:  # noqa: ANN401 # a record's cells
        try:
            yield from [*self._form.rows(record, self._options)]
        except AddresseeError as refusal:
            yield Skip(reason_of(refusal))

    def _take(self, row: Row | Skip) -> None:
        """Stage a row whose arguments are well formed, or count why not."""
        if isinstance(row, Skip):
            self._skip(row.reason)
            return
        row = self._with_environment(row)
        if row.kind != "push" and row.external_id is None:
            self._skip("contact_without_person")
            return
        try:
            order_of(cast("Call", self._call(Staged(0, row, superseded=False, device="any"))))
        except AddresseeError as refusal:
            self._skip(reason_of(refusal))
            return
        if not self._staging.add(row):
            self._skip("repeated_id")

    def _skip(self, reason: str) -> None:
        """Count a row of the record that was read last as skipped."""
        self.report.skipped[reason] += 1
        self.report.first.setdefault(reason, self.report.records)

    def _with_environment(self, row: Row) -> Row:
        """Return a row whose Apple token has its environment; raises InvalidValue."""
        apple = row.kind == "push" and row.address and service_of(row.facts) == "apns"
        if not apple or "apns_environment" in row.facts:
            return row
        environment = self._options.apns_environment
        if environment is None:
            problem = "has to be told: the file has tokens of Apple and does not say of which"
            raise InvalidValue("apns_environment", f"{problem} (production or sandbox)")
        return replace(row, facts={**row.facts, "apns_environment": environment})

    def _call(self, staged: Staged) -> Call | None:
        """Return a row's call; None for a contact of a person without device."""
        row, device = staged.row, staged.device
        source, application = self._form.name, self._options.application
        context = Context(
            actor=ACTOR,
            correlation_id=f"import:{source}",
            idempotency_key=f"import:{digest(source, application, row.kind, row.id)}",
        )
        if row.seen is not None and row.seen <= self._clock():
            context["at"] = row.seen
        if row.kind == "push":
            return together(device_calls(row, application, context))
        if device is None:
            return None
        return contact_call(row, device, context)


def device_calls(row: Row, application: str, context: Context) -> list[Call]:
    """Return the commands of an installation; all of them take effect, or none."""

    def register(people: Personalization) -> Any:  # noqa: ANN401 # each has its own result
        # A dead token is no address, and must not take the place of a live one.
        token = {"push_token": row.address} if row.address and row.state != "dead" else {}
        options = cast("Any", {**row.facts, **token, **context})
        return people.register(
            application,
            installation=row.id,
            push_enabled=row.state != "opted_out",
            attributes=row.device,
            **options,
        )

    calls: list[Call] = [register]
    if row.external_id is not None or row.emails or row.msisdns:
        calls.append(
            lambda people: people.personalize(
                row.id,
                Identity(row.external_id, row.msisdns, row.emails),
                attributes=row.attributes,
                tags=row.person_tags,
            )
        )
    if row.tags:
        calls.append(lambda people: people.tag_installation(row.id, add=row.tags))
    if row.primary:
        calls.append(lambda people: people.set_primary(row.id, ignore_anonymous=True))
    if row.state == "dead":
        calls.append(lambda people: people.expire(row.id, "token_rejected"))
    return calls


def contact_call(row: Row, device: str, context: Context) -> Call:
    """Return the command that gives a person an e-mail address or phone number."""

    def call(people: Personalization) -> Any:  # noqa: ANN401 # its result
        contacts = (str(row.address),)
        return people.update_person(
            device,
            Identity(emails=contacts) if row.kind == "email" else Identity(msisdns=contacts),
            attributes=row.attributes,
            of=row.external_id,
            **context,
        )

    return call


def state_of(staged: Staged) -> str:
    """Return the name under which a row that was imported is counted."""
    row = staged.row
    if row.kind != "push":
        return "contact"
    if row.state == "dead":
        return "expired"
    if staged.superseded:
        return "superseded"
    if row.state == "opted_out":
        return "opted_out"
    named = row.external_id is not None or row.emails or row.msisdns
    return "bound" if named else "anonymous"


def reason_of(refusal: AddresseeError) -> str:
    """Return the name under which a refused row is counted."""
    if isinstance(refusal, IdempotencyKeyReused):
        return "changed_since_imported"
    return refusal.code
