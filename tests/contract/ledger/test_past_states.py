"""States of the index that a store remembers, and what it is like in between (R35)."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from pyroaring import BitMap

from addressee.adapters.sql import SqlStore
from addressee.application import (
    AsOf,
    AuditableStore,
    Horizon,
    Moment,
    Past,
    Personalization,
    Targeting,
    TimedStore,
    Viewable,
    verify,
)
from tests.contract.audiences.oracle import Life
from tests.contract.audiences.test_oracle import Witness
from tests.contract.commands.test_group_commit import Callers
from tests.contract.merges.test_lives import Merging

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
STEPS, THREADS = 60, 8


def no_fold(_: Horizon) -> Past:
    raise AssertionError("the ledger was folded")


class Hasty(Merging):
    """A life with merges whose clocks differ, in a store that compacts now and then."""

    def __init__(self, chance: random.Random, store: AuditableStore, name: str) -> None:
        super().__init__(chance, store, name)
        self.store = store
        self.now = NOON
        self.people = Personalization(store, clock=self.clock)

    def clock(self) -> datetime:
        """Return a time that may be before the last one."""
        self.now += timedelta(seconds=self.chance.choice([0, 1, 1, 1, 5, -3]))
        return self.now

    def step(self) -> None:
        """Do something at random."""
        match self.chance.randrange(12):
            case 0:
                self.merge()
            case 1:
                self.cut()
            case 2 if isinstance(self.store, SqlStore):
                self.store.compact()
            case 3:
                self.live(self.chance.randrange(1, 8))
            case _:
                self.life.step()(self.people)


def terms_in(store: AuditableStore) -> Iterable[tuple[str, str]]:
    """Return all terms, of which a copy of the read models may have more."""
    return Past(store, store.settled()).terms()


def shown(store: Viewable, terms: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], list[str]]:
    """Return the ids that each term has."""
    found, of = dict[tuple[str, str], BitMap](), dict[str, set[str]]()
    for application, term in terms:
        of.setdefault(application, set()).add(term)
    with store.reading() as view:
        for application, named in of.items():
            hits = view.postings(application, named, range(1))
            found |= {(application, term): each for term, each in hits.items() if each}
        ordinals = BitMap.union(BitMap(), *found.values())
        names = dict(zip(ordinals, view.names([*ordinals]), strict=True))
    return {term: [names[each] for each in hits] for term, hits in found.items()}


@pytest.fixture
def compacting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have commands compact every few of them, and the past read little at once."""
    monkeypatch.setattr("addressee.adapters.sql.audience_index.compaction_trigger.COMPACT_AT", 30)
    monkeypatch.setattr("addressee.adapters.sql.index_history.remembered_states.FLIPS", 30)
    monkeypatch.setattr("addressee.adapters.sql.event_store.event_times.SPAN", 7)
    monkeypatch.setattr("addressee.application.past.as_of.SHARE", 0)
    monkeypatch.setattr("addressee.application.past.nearby_index_states.GROUP", 2)
    monkeypatch.setattr("addressee.application.past.ledger_range.PAGE", 30)


@pytest.mark.usefixtures("compacting")
def test_R35_states_nearby_show_what_the_fold_shows(store: AuditableStore, *, long: bool) -> None:
    lives, many = (40, 30) if long else (1, 2)
    for seed in range(lives):
        life = Hasty(random.Random(seed), store, f"app{seed}")  # noqa: S311 # can be had again
        begin = store.settled()
        for _ in range(STEPS):
            life.step()
        end = store.settled()
        moments: list[Moment] = [begin, end]
        moments += (life.chance.randint(begin, end) for _ in range(many))
        if isinstance(store, TimedStore):  # another one folds
            life_time = (life.now - NOON) // timedelta(seconds=1)
            times = (life.chance.randint(-1, life_time + 5) for _ in range(many))
            moments += (NOON + timedelta(seconds=time) for time in times)
        same_as_folded(store, life, moments)
    assert verify(store).differences == ()


@pytest.mark.usefixtures("compacting")
def test_R29_R35_lives_that_share_transactions_were_what_the_fold_shows(
    store: AuditableStore, *, long: bool
) -> None:
    callers = Callers(store)
    lives = [Life(random.Random(seed), f"app{seed}") for seed in range(THREADS)]  # noqa: S311 # can be had again

    def live(people: Personalization, life: Life) -> None:
        for _ in range(100 if long else 8):
            life.step()(people)

    answers = callers.together([partial(live, life=life) for life in lives])
    assert answers == [None] * THREADS
    assert callers.people.groups.groups < callers.people.groups.orders
    chance, terms = random.Random(1), [*terms_in(store)]  # noqa: S311 # can be had again
    for position in chance.sample(range(store.settled() + 1), 100 if long else 6):
        folded, nearby = Past(store, position), AsOf(store, position, no_fold)
        assert shown(nearby, terms) == shown(folded, terms), position
        life = chance.choice(lives)
        audience = life.audience(also=[])
        expected = [*Targeting(folded).targets(life.application, audience)]
        assert [*Targeting(nearby).targets(life.application, audience)] == expected, audience
    for life in lives:
        Witness(store, life).compare()


def same_as_folded(store: AuditableStore, life: Merging, moments: Iterable[Moment]) -> None:
    """Check that a store was the same at moments, whichever way they are shown."""
    terms = [*terms_in(store)]
    for moment in moments:
        folded, nearby = Past(store, moment), AsOf(store, moment, no_fold)
        expected = shown(folded, terms)
        for _ in range(2):
            assert shown(nearby, terms) == expected, moment
        assert life.answers(nearby, 1) == life.answers(folded, 1), moment
