"""A store is asked how it was, and answers as it did then (R35, R36)."""

from __future__ import annotations

import random
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from addressee.application import (
    AsOf,
    History,
    Horizon,
    Identity,
    Moment,
    Past,
    Personalization,
    Store,
    Targeting,
    Viewable,
)
from addressee.domain import InvalidValue, NoRegistration
from addressee.domain.audiences import expression as a
from tests.contract.audiences.oracle import Life
from tests.contract.conftest import PARAMS, STORES, Host

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
COMMANDS, MANY_COMMANDS = 40, 120
MOMENTS, SOME, FEW = 1_000, 30, 8


class Noted(NamedTuple):
    """What was answered at a moment."""

    position: int
    time: datetime
    question: int
    answers: list[object]


def answered(life: Life, store: Viewable, question: int) -> list[object]:
    """Ask everything that can be asked about an audience, drawn by a number."""
    chance = random.Random(question)  # noqa: S311 # the same question for the same number
    asking = Life(chance, life.application)
    audience = asking.audience(also=[])
    reach, disabled, name = Targeting(store), chance.random() < 0.3, chance.choice(life.devices)
    found: list[object] = [
        [*reach.targets(life.application, audience, include_disabled=disabled)],
        reach.count(life.application, audience, include_disabled=disabled),
        reach.preview(life.application, audience, 2, include_disabled=disabled),
        reach.segments(life.application),
    ]
    segments = reach.segments(life.application)
    found += [reach.count(life.application, f"segment:{segment}") for segment in segments]
    try:
        found.append(reach.explain(life.application, audience, installation=name))
        found.append(History(store).who(name))
    except NoRegistration:
        found.append(None)
    return found


def last_position(store: Store, after: int) -> int:
    with store.reading() as reader:
        recorded = reader.events(after, 1_000)
    return recorded[-1].position if recorded else after


@pytest.fixture(scope="module", params=PARAMS)
def lived(request: pytest.FixtureRequest) -> Generator[Store]:
    """Yield a store that has lived, which tests only read."""
    yield from STORES[request.param](request)


@pytest.fixture
def few(request: pytest.FixtureRequest, *, short: bool) -> bool:
    """Whether few rounds do: servers take their time, and have no code of their own here."""
    return short or request.node.callspec.id not in {"memory", "sqlite"}


@pytest.fixture(scope="module")
def noted(lived: Store, *, long: bool) -> tuple[Life, list[Noted]]:
    """Let a store live, and note after every command what it answers."""
    chance, now, position = random.Random(7), NOON, 0  # noqa: S311 # the same life each time
    people = Personalization(lived, clock=lambda: now)
    life, noted = Life(chance, "shop"), list[Noted]()
    for question in range(MANY_COMMANDS if long else COMMANDS):
        now += timedelta(microseconds=chance.choice([1, 1_000, 10**9]))
        life.step()(people)
        position = last_position(lived, position)
        noted.append(Noted(position, now, question, answered(life, lived, question)))
    return life, noted


def test_R35_the_past_answers_as_it_did(
    lived: Store, noted: tuple[Life, list[Noted]], *, long: bool, few: bool
) -> None:
    life, notes = noted
    chance = random.Random(8)  # noqa: S311 # moments that can be had again
    for _ in range(MOMENTS if long else FEW if few else SOME):
        note = chance.choice(notes)
        by_time = chance.random() < 0.5
        past = Past(lived, note.time if by_time else note.position)
        assert answered(life, past, note.question) == note.answers
        assert past.over == (not by_time or note is not notes[-1])


def test_R36_who_and_the_past_agree_at_any_position(
    lived: Store, noted: tuple[Life, list[Noted]], monkeypatch: pytest.MonkeyPatch, *, long: bool
) -> None:
    monkeypatch.setattr("addressee.application.past.past_view_by_folding.PAGE", 3)
    _, notes = noted
    with lived.reading() as reader:
        times = {
            recorded.position: recorded.event.timestamp for recorded in reader.events(0, 10_000)
        }
    history = History(lived)
    for position in range(0, notes[-1].position + 1, 3 if long else 53):
        past = Past(lived, position)
        told = History(past)
        for row in past.rows():
            assert told.who(row.installation) == row.person
            assert row.person is None or row.installation in told.devices(row.person)
        assert past.over
    for time in sorted(times.values())[:: 7 if long else 31]:
        past = Past(lived, time)
        were = {row.installation: row.person for row in past.rows()}
        assert were == {name: history.who(name, time) for name in were}


def test_R35_what_changed_since_a_position_is_taken_back(
    lived: Store,
    noted: tuple[Life, list[Noted]],
    monkeypatch: pytest.MonkeyPatch,
    *,
    long: bool,
    few: bool,
) -> None:
    monkeypatch.setattr("addressee.application.past.as_of.SHARE", 0)
    monkeypatch.setattr("addressee.application.past.nearby_index_states.GROUP", 2)
    monkeypatch.setattr("addressee.application.past.ledger_range.PAGE", 30)
    life, notes = noted
    for note in notes[:: 1 if long else 41 if few else 17]:
        past = AsOf(lived, note.position, no_fold)
        for _ in range(2):
            assert answered(life, past, note.question) == note.answers
            reached = [
                [tuple(each)[1:] for each in Targeting(of).recipients("shop", "all")]
                for of in (past, Past(lived, note.position))
            ]
            assert reached[0] == reached[1]
    chance = random.Random(10)  # noqa: S311 # questions that can be had again
    for position in range(0, notes[-1].position + 1, 1 if long else 97 if few else 29):
        question, past = chance.getrandbits(30), AsOf(lived, position, no_fold)
        assert answered(life, past, question) == answered(life, Past(lived, position), question)


def test_R35_what_happens_later_is_taken_back_too(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("addressee.application.past.as_of.SHARE", 0)
    people, asked = host.people, ("all", "tag:vip", "not tag:vip", "type:customer", "primary")
    ali = host.login(host.device("phone", os="ios"), "ali")
    host.login(host.device("tablet"), "ali")
    people.tag(ali, add={"vip"})
    position = people.set_primary("phone").position
    reach, then = (
        Targeting(AsOf(host.store, position, no_fold)),
        [host.found(each) for each in asked],
    )
    for change in (
        lambda: people.tag(ali, remove={"vip"}),
        lambda: host.login(host.device("later"), "ali"),
        lambda: people.tag(ali, add={"vip"}),
        lambda: people.depersonalize("phone"),
        lambda: people.update_installation("tablet", push_enabled=False),
        lambda: people.expire("tablet", "unregistered"),
        lambda: host.login("phone", "bea"),
    ):
        change()
        assert [[*reach.targets("shop", each)] for each in asked] == then
        assert reach.count("shop", "external_id:ali or tag:none") == 2


def no_fold(_: Horizon) -> Past:
    raise AssertionError("the ledger was folded")


def test_R35_a_lookup_in_the_past_gives_what_the_fold_gives(
    lived: Store, noted: tuple[Life, list[Noted]], *, long: bool, few: bool
) -> None:
    life, notes = noted
    chance = random.Random(9)  # noqa: S311 # moments that can be had again
    named = [*map(a.external_id, life.names), *map(a.installation, life.devices)]
    last = notes[-1].position
    moments: list[Moment] = [*range(0, last + 1, 1 if long else 97 if few else 29), last]
    moments += [
        note.time - timedelta(microseconds=1) for note in notes[:: 1 if long else 47 if few else 29]
    ]
    for moment in moments:
        folded, looked_up = Targeting(Past(lived, moment)), AsOf(lived, moment, no_fold)
        for term in named:
            audience = chance.choice([term, term & a.primary])
            disabled = chance.random() < 0.5
            found = [
                (
                    [*reach.targets("shop", audience, include_disabled=disabled)],
                    reach.count("shop", audience, include_disabled=disabled),
                    reach.preview("shop", audience, 1, include_disabled=disabled),
                    [tuple(each)[1:] for each in reach.recipients("shop", audience)],
                )
                for reach in (folded, Targeting(looked_up))
            ]
            assert found[0] == found[1], (moment, str(audience), disabled)


def test_R35_of_clocks_that_differ_what_was_until_then_counts(store: Store) -> None:
    early = Personalization(store, clock=lambda: NOON)
    late = Personalization(store, clock=lambda: NOON + timedelta(hours=1))
    late.register("shop", installation="a", os="ios")
    early.register("shop", installation="b", os="ios")
    late.personalize("a", Identity(external_id="ali"))
    early.personalize("b", Identity(external_id="ali"))  # whose stream is an hour ahead
    reach = Targeting(store)
    assert reach.as_of(NOON).preview("shop", "os:ios") == ["b"]
    assert reach.as_of(NOON).count("shop", "external_id:ali") == 0
    assert reach.as_of(NOON + timedelta(hours=1)).preview("shop", "os:ios") == ["a", "b"]
    assert reach.as_of(NOON + timedelta(hours=1)).count("shop", "external_id:ali") == 2
    assert reach.as_of(0).count("shop", "all") == 0


def test_the_progress_of_looking_back_is_told(store: Store) -> None:
    people = Personalization(store)
    people.register("shop", installation="a")
    people.register("shop", installation="b")
    told: list[int] = []
    past = Targeting(store).as_of(1, told.append)
    assert past.count("shop", "installation:a") == 1
    assert told == [], "one installation needs no fold"
    for _ in range(2):
        assert past.count("shop", "all") == 1
    assert told == [1]


@pytest.mark.parametrize("moment", [-1, 3, True, "now", datetime(2026, 11, 23)])  # noqa: DTZ001 # no zone is what is wrong
def test_a_moment_that_is_none_is_refused(store: Store, moment: Moment) -> None:
    people = Personalization(store)
    people.register("shop", installation="a")
    people.register("shop", installation="b")
    with pytest.raises(InvalidValue, match="as_of"):
        Targeting(store).as_of(moment)
