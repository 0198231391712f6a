"""What a format makes of a record: rows that no longer depend on the system they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

RowKind = Literal["push", "email", "msisdn"]
RowState = Literal["live", "opted_out", "dead"]
Record = Mapping[str, Any]
"""One record of a file: a JSON object, or cells by the names of their columns.

Where a header repeats a name, its cells are a list.
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the file does not tell.

    Args:
        application: the code of the application that the installations belong to.
        apns_environment: of Apple's tokens, where the file does not say it.
        user_column: the column with the person, where the host's own schema names it.
    """

    application: str
    apns_environment: str | None = None
    user_column: str = "user"


@dataclass(frozen=True, slots=True)
class Row:
    """One address.

    Args:
        id: of the address within its source; the installation's id where the kind is ``push``.
        kind: ``push``; or ``email`` or ``msisdn``, which add an identifier to a person.
        address: the push token, the e-mail address or the phone number. A push row without one is
            reached by the id.
        external_id: of the person; None for an anonymous installation.
        emails: further identifiers of the person.
        msisdns: likewise.
        facts: device facts, as `Personalization.register` takes them.
        device: attributes of the installation.
        tags: of the installation.
        attributes: of the person.
        person_tags: of the person; None leaves them.
        seen: when the address was last seen in use.
        primary: whether it is its person's primary device, if it has a person.
        state: ``opted_out`` has pushes disabled; ``dead`` is known to be unreachable.
    """

    id: str
    kind: RowKind
    address: str | None
    external_id: str | None = None
    emails: tuple[str, ...] = ()
    msisdns: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    device: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    person_tags: tuple[str, ...] | None = None
    seen: datetime | None = None
    primary: bool = False
    state: RowState = "live"


@dataclass(frozen=True, slots=True)
class Skip:
    """An address that can't be imported, counted by its reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Format:
    """The export of one system.

    Args:
        name: of the system, as the command line knows it.
        rows: returns the rows of one record, at least one row or skip; raises AddresseeError for a
            record that is malformed.
        needs: names that the header, or the first JSON object, must have.
        hint: what to do where one of them is missing.
        person: returns the names of which at least one record of the file must have one.
        pages: the name under which a JSON object holds a page of records.
        anonymous: what a row without a person may mean.
    """

    name: str
    rows: Callable[[Record, Options], Iterable[Row | Skip]]
    needs: tuple[str, ...]
    hint: str = ""
    person: Callable[[Options], tuple[str, ...]] = lambda _: ()
    pages: str | None = None
    anonymous: str = ""
