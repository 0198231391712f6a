"""Whoever writes the tables by hand after a seal is found out (R30, R58)."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, delete, exc, insert, text, update

from addressee.adapters.sql import SqlStore
from addressee.application import (
    Identity,
    Personalization,
    Seal,
    Stored,
    bulk,
    lost_anchors,
    verify,
)
from tests.integration.event_store.seals.sealing import leave_a_hole, live, seals, tamper

WAYS_TRIED, FEW_WAYS, MANY_WAYS = 16, 6, 200
"""So many forgeries; the few that servers have time for by default are of all kinds."""


@pytest.fixture
def store(url: str) -> Generator[SqlStore]:
    """A store that lived, left out positions and was sealed."""
    with SqlStore(url) as store:
        live(store, steps=40)
        leave_a_hole(store)
        live(store, seed=1, steps=20)
        people = Personalization(store)
        bulk(
            people,
            [
                lambda p: p.register("shop", installation="phone"),
                lambda p: p.personalize("phone", Identity(emails=["a@x.com"])),
                lambda p: p.update_person("phone", remove=Identity(emails=["a@x.com"])),
                lambda p: p.update_person("phone", Identity(emails=["b@x.com"])),
            ],
        )
        store.seal()
        yield store


class Forger:
    """Changes one thing in a ledger by hand.

    Args:
        events: the ledger's.
        chance: decides.
    """

    def __init__(self, events: Sequence[Stored], chance: random.Random) -> None:
        self._events = events
        self._chance = chance
        self._positions = {event.position for event in events}
        self._ends: dict[str, int] = {}
        for event in events:
            self._ends[event.stream] = event.version

    def forge(self, store: SqlStore) -> str:
        """Change something; return what."""
        ways = (self._insert, self._move, self._swap, self._change_version, self._remove)
        more = (self._change_key, self._change_claim, self._change_content)
        way = self._chance.choice([*ways, *more])
        with store.database.writing() as connection:
            return f"{way.__name__}: {way(connection, store)}"

    def _event(self) -> Stored:
        return self._chance.choice(self._events)

    def _free(self) -> int:
        """Return a position without an event: before the first, in a hole, or after the last."""
        last = max(self._positions)
        holes = {*range(1, last)} - self._positions
        low = self._chance.choice([0, -1, -(2**40), -(2**63)])
        choices: list[int] = [low, last + self._chance.randrange(1, 9), *sorted(holes)[:1]]
        return self._chance.choice(choices)

    def _insert(self, connection: Connection, store: SqlStore) -> object:
        event, at = self._event(), self._free()
        stream = self._chance.choice([event.stream, self._event().stream, "installation:ghost"])
        end = self._ends.get(stream, 0)
        versions = [end + 1, end + 2, 0, -1, -7]
        # What comes last in ledger and stream is a new event, which the next seal will cover.
        version = self._chance.choice(versions if at < max(self._positions) else versions[1:])
        row = event._replace(position=at, stream=stream, version=version)
        connection.execute(insert(store.parts.prepared.schema.event).values(tuple(row)))
        return row[:3]

    def _move(self, connection: Connection, store: SqlStore) -> object:
        event, at = self._event(), self._free()
        self._set(connection, store, event, position=at)
        return event.position, at

    def _swap(self, connection: Connection, store: SqlStore) -> object:
        one, other = self._chance.sample(self._events, 2)
        self._set(connection, store, one, position=-5)
        self._set(connection, store, other, position=one.position)
        self._set(connection, store, one._replace(position=-5), position=other.position)
        return one.position, other.position

    def _change_version(self, connection: Connection, store: SqlStore) -> object:
        event = self._event()
        version = self._chance.choice([0, -1, self._ends[event.stream] + 1, 2**31 - 1])
        self._set(connection, store, event, version=version)
        return event[:3], version

    def _remove(self, connection: Connection, store: SqlStore) -> object:
        event = self._chance.choice([self._event(), self._events[-1]])
        table = store.parts.prepared.schema.event
        connection.execute(delete(table).where(table.c.position == event.position))
        return event[:3]

    def _change_key(self, connection: Connection, store: SqlStore) -> object:
        table = store.parts.prepared.schema.setting
        changed = update(table).where(table.c.name == "identifier_key")
        connection.execute(changed.values(value=self._chance.randbytes(32)))
        return "identifier_key"

    def _change_claim(self, connection: Connection, store: SqlStore) -> object:
        event = self._chance.choice([e for e in self._events if e.stream.startswith("claim:")])
        self._set(connection, store, event, stream=f"claim:{self._chance.randbytes(16).hex()}")
        return event[:3]

    def _change_content(self, connection: Connection, store: SqlStore) -> object:
        event, other = self._event(), self._event()
        values: dict[str, object] = {"topic": other.topic, "state": other.state}
        if (event.topic, event.state) == (other.topic, other.state):
            values["state"] = b"{}"
        self._set(connection, store, event, **values)
        return event[:3], other[:3]

    def _set(self, connection: Connection, store: SqlStore, event: Stored, **values: Any) -> None:  # noqa: ANN401 # columns of all types
        table = store.parts.prepared.schema.event
        change = update(table).where(table.c.position == event.position)
        assert connection.execute(change.values(**values)).rowcount == 1


def found_out(engine: Engine, kept: Sequence[Seal]) -> bool:
    with SqlStore(engine) as store:
        differences = verify(store).differences
        with store.auditing() as audit:
            return bool(differences or lost_anchors(audit, kept))


def test_R58_every_way_to_forge_a_sealed_ledger_is_found_out(
    store: SqlStore, *, long: bool
) -> None:
    engine = store.database.engine
    schema, kept = store.parts.prepared.schema, seals(store)
    with store.auditing() as audit:
        events = audit.stored(None, 10_000)
    key = store.identifier_key
    tamper(store, lambda _: None)
    assert not found_out(engine, kept)
    tried = WAYS_TRIED if store.database.single_writer else FEW_WAYS
    for seed in range(MANY_WAYS if long else tried):
        forged = Forger(events, random.Random(seed)).forge(store)  # noqa: S311 # again the same
        assert found_out(engine, kept), f"{seed}: {forged}"
        with store.database.writing() as connection:
            connection.execute(delete(schema.event))
            connection.execute(insert(schema.event), [event._asdict() for event in events])
            setting = update(schema.setting).where(schema.setting.c.name == "identifier_key")
            connection.execute(setting.values(value=key))
    assert not found_out(engine, kept)


@pytest.mark.parametrize("sealed", [True, False])
def test_R58_another_identifier_key_is_named(url: str, *, sealed: bool) -> None:
    with SqlStore(url) as store:
        live(store)
        if sealed:
            store.seal()
    with SqlStore(url, identifier_key=bytes(32)) as other:
        places = {difference.place for difference in verify(other).differences}
        problems = {difference.problem for difference in verify(other).differences}
    assert ("seal" in places) is sealed
    assert "stream" in places
    key = "the identifier key is not the one that was sealed"
    assert (key in problems) is sealed


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("version = 9 where stream = 'installation:d' and version = 2", "2 was expected"),
        ("stream = 'claim:0' where topic like '%IdentifierClaimed'", "lacks a IdentifierClaimed"),
        ("stream = 'person:0' where topic like '%IdentifierAdded'", "lacks a IdentifierClaimed"),
        ("stream = 'person:0', version = 1 where topic like '%Depers%' and stream like 'p%'",
         "lacks a DeviceDepersonalized"),
    ],
)  # fmt: skip
def test_R58_streams_that_do_not_agree_are_named_without_a_seal(
    url: str, change: str, problem: str
) -> None:
    with SqlStore(url) as store:
        people = Personalization(store)
        people.register("shop", installation="d")
        people.personalize("d", Identity(external_id="ali"))
        people.depersonalize("d")
        assert verify(store).differences == ()
        statement = text(f"update addressee_event set {change}")  # noqa: S608 # our own
        tamper(store, lambda connection: connection.execute(statement))
        found = [d.problem for d in verify(store).differences if d.place == "stream"]
    assert any(problem in each for each in found), found


FORGED = "insert into addressee_event (position, stream, version, topic, state) values "


@pytest.mark.parametrize(
    "statement",
    [
        f"{FORGED} (-3, 'installation:ghost', 1, 'addressee.InstallationRegistered', '')",
        f"{FORGED} (99, 'installation:ghost', -1, 'addressee.InstallationRegistered', '')",
        f"{FORGED.replace('insert', 'replace', 1)} (1, 'installation:a', 1, 'x', '')",
        f"{FORGED.replace('insert', 'replace', 1)} (99, 'installation:a', 1, 'x', '')",
        "replace into addressee_seal values (1, 1, 1, 1, '', 0, 'x')",
    ],
)
def test_R58_tables_refuse_rows_out_of_range_and_in_place_of_others(
    url: str, statement: str
) -> None:
    if url.startswith("postgresql") and statement.startswith("replace"):
        statement = statement.replace("replace", "insert", 1)  # it knows no other
    with SqlStore(url) as store:
        Personalization(store).register("shop", installation="a")
        store.seal()
        engine, before = create_engine(url), seals(store)
        match = "begin with 1|never changed or deleted|in_range|unique constraint"
        with pytest.raises(exc.DBAPIError, match=match), engine.begin() as own:
            own.execute(text(statement))
        engine.dispose()
        assert seals(store) == before
        found = verify(store)
        assert (found.events, found.differences) == (1, ())


@pytest.mark.parametrize(
    "change",
    ["stream = cast(stream as blob)", "topic = cast(topic as blob)", "version = 'first'"],
)
def test_R58_values_of_another_type_are_found_out(tmp_path: Path, change: str) -> None:
    """SQLite stores any type in any column."""
    with SqlStore(f"sqlite:///{tmp_path}/ledger.db") as store:
        live(store)
        store.seal()
        statement = text(f"update addressee_event set {change} where position = 3")  # noqa: S608 # our own
        tamper(store, lambda connection: connection.execute(statement))
        assert [d.place for d in verify(store).differences if d.place != "stream"]
        kept = seals(store)
        with store.auditing() as audit:
            assert lost_anchors(audit, kept) == kept


def test_R58_what_stands_before_the_first_position_is_named(store: SqlStore) -> None:
    state = b'{"timestamp":"2026-01-01T00:00:00Z","actor":"device","application":"shop"}'
    row = Stored(-3, "installation:ghost", 1, "addressee.InstallationRegistered", state)

    def forge(connection: Connection) -> None:
        connection.execute(insert(store.parts.prepared.schema.event).values(tuple(row)))

    kept = seals(store)
    tamper(store, forge)
    named = {(d.place, d.name, d.problem) for d in verify(store).differences}
    assert ("ledger", "position -3", "positions begin with 1") in named
    with store.auditing() as audit:
        assert lost_anchors(audit, kept) == [*kept]


def test_seals_tell_nothing_else_than_what_was_sealed(store: SqlStore) -> None:
    """Each column of a seal counts."""
    changes: list[Callable[[Seal], dict[str, object]]] = [
        lambda seal: {"first_position": seal.first + 1},
        lambda seal: {"last_position": seal.last - 1},
        lambda seal: {"events": seal.events + 1},
        lambda _: {"digest": bytes(32)},
        lambda _: {"key_fingerprint": "x"},
    ]
    [sealed] = seals(store)
    table = store.parts.prepared.schema.seal
    tamper(store, lambda _: None)
    assert verify(store).differences == ()
    for change in changes:
        row = sealed._asdict() | {"first_position": sealed.first, "last_position": sealed.last}
        as_it_was = {name: row[name] for name in table.c.keys() if name in row}  # noqa: SIM118 # not a mapping
        as_it_was.pop("made_at")
        with store.database.writing() as connection:
            connection.execute(update(table).values(**change(sealed)))
        assert [d.place for d in verify(store).differences] == ["seal"]
        with store.database.writing() as connection:
            connection.execute(update(table).values(**as_it_was))
    assert verify(store).differences == ()
