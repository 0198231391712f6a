"""Random lives, and an oracle of plain Python objects that scans them all (R19, R33 to R37)."""

from __future__ import annotations

import random
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

from addressee.adapters.sql import SqlStore
from addressee.application import History, Personalization, Store, Targeting, bulk
from addressee.domain import AddresseeError, Expression
from addressee.domain.audiences import expression as a
from tests.contract.audiences.oracle import Life, WithoutLookups, as_term

SEQUENCES, LONG, FEW = 20, 2_000, 4
COMMANDS = 30
SERVICES = {"ios": "apns", "android": "fcm"}

HURRIED = {
    "sqlite": "PRAGMA synchronous = OFF",
    "postgresql": "SET synchronous_commit = off",
}
"""What has a commit not wait for the disk: no power fails here."""


class Witness:
    """Asks a store, and compares what it answers with the oracle."""

    def __init__(self, store: Store, life: Life) -> None:
        self.life = life
        self.reach, self.history = Targeting(store), History(store)
        self.slow = Targeting(WithoutLookups(store))

    def compare(self) -> None:
        life, world, application = self.life, self.life.world, self.life.application
        asked, disabled = life.audience(), life.chance.random() < 0.2
        expected = world.found(asked, disabled=disabled)
        reach = self.reach
        assert list(reach.targets(application, asked, include_disabled=disabled)) == expected
        assert reach.count(application, str(asked), include_disabled=disabled) == len(expected)
        first = reach.preview(application, asked, 2, include_disabled=disabled)
        assert first == expected[:2]
        self.compare_recipients(asked, expected, disabled=disabled)
        if expected:
            after = life.chance.choice(expected)
            rest = reach.targets(application, asked, include_disabled=disabled, after=after)
            assert list(rest) == expected[expected.index(after) + 1 :]
        if world.devices:
            name = life.chance.choice(list(world.devices))
            told = reach.explain(application, asked, installation=name, include_disabled=disabled)
            assert told.reached == (name in expected)
            if not world.devices[name].expired:
                for term in told.terms:
                    assert term.holds == world.holds(as_term(term.term), name)

    def compare_lookups(self) -> None:
        """Ask for one person and for one installation, by one statement and within a view."""
        life, application, choice = self.life, self.life.application, self.life.chance.choice
        for named in (a.external_id(choice(life.names)), a.installation(choice(life.devices))):
            asked, disabled = choice([named, named & a.primary]), choice([True, False])
            expected = life.world.found(asked, disabled=disabled)
            for reach in (self.reach, self.slow):
                assert list(reach.targets(application, asked, include_disabled=disabled)) == (
                    expected
                )
                assert reach.count(application, asked, include_disabled=disabled) == len(expected)
            first = self.reach.preview(application, asked, 1, include_disabled=disabled)
            assert first == expected[:1]
            self.compare_recipients(asked, expected, disabled=disabled)

    def compare_recipients(self, asked: Expression, expected: list[str], *, disabled: bool) -> None:
        devices, application = self.life.world.devices, self.life.application
        reached = [name for name in expected if devices[name].token is not None]
        found = self.reach.recipients(application, asked, include_disabled=disabled)
        told = [(each.installation, each.person, each.service, each.address) for each in found]
        assert told == [
            (name, self.history.who(name), SERVICES[devices[name].os], devices[name].token)
            for name in reached
        ]
        assert found.without_address == len(expected) - len(reached)

    def compare_owners(self) -> None:
        for name, device in self.life.world.devices.items():
            assert (self.history.who(name) is None) == (device.owner is None)


def live(store: Store, life: Life) -> None:
    people, witness = Personalization(store), Witness(store, life)
    chance, left = life.chance, COMMANDS
    while left > 0:
        size = min(left, chance.choice([1, 8, 15]))
        left -= size
        for answer in bulk(people, [life.step() for _ in range(size)]):
            assert not isinstance(answer, AddresseeError)
        if isinstance(store, SqlStore) and chance.random() < 0.2:
            store.compact()
        if chance.random() < 0.15:
            witness.compare()
        if chance.random() < 0.3:
            witness.compare_lookups()
    for _ in range(2):
        witness.compare()
    witness.compare_lookups()
    witness.compare_owners()


@pytest.fixture
def short_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard holds four ordinals and a run two shards, so that a few devices span several."""
    for module in (
        "application.audiences.evaluation",
        "application.audiences.cost_estimate",
        "application.read_models.in_memory",
        "adapters.sql.audience_index.postings_reader",
        "adapters.sql.audience_index.postings_writer",
    ):
        monkeypatch.setattr(f"addressee.{module}.SHARD_BITS", 2)
    monkeypatch.setattr("addressee.application.audiences.evaluation.RUN", 2)
    monkeypatch.setattr("addressee.application.audiences.evaluation.FEW", 1)
    monkeypatch.setattr("addressee.adapters.sql.audience_index.compaction_trigger.COMPACT_AT", 200)


def hurry(engine: Engine) -> None:
    if engine.dialect.name not in HURRIED:
        return

    def configure(connection: DBAPIConnection, _: object) -> None:
        connection.cursor().execute(HURRIED[engine.dialect.name])
        connection.commit()

    event.listen(engine, "connect", configure)
    engine.dispose()


@pytest.mark.usefixtures("short_shards")
def test_R37_R38_the_store_believes_what_the_oracle_believes(
    store: Store, *, long: bool, short: bool, request: pytest.FixtureRequest
) -> None:
    # Servers are slow, and stock ledgers have no code of their own here.
    few = short or request.node.callspec.id not in {"memory", "sqlite"}
    if isinstance(store, SqlStore):
        hurry(store.database.engine)
    applications = map("app{}".format, count())

    @settings(
        max_examples=LONG if long else FEW if few else SEQUENCES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.integers(0, 2**32))
    def lives(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 # the same life for the same seed
        live(store, Life(chance, next(applications)))

    lives()
