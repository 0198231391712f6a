"""A ledger of any length: what a few people did, told again and again of others.

The commands are real and run once; their events are repeated under other names, so that a ledger of
millions is there in a minute. Claims keep the form of their streams' names, and lead nowhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from hashlib import md5
from itertools import count

from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.application import Changes, Identity, Personalization, Stored

KEY = bytes(32)
INDEXED = ("attr.plan",)
PEOPLE = 40
WHO = "@-"
"""What stands before every name, to be replaced."""


def filled(url: str, events: int) -> int:
    """Fill a new store's ledger, and not its read models; return how many events it has."""
    last = 0
    with (
        SqlStore(url, identifier_key=KEY, indexed_attributes=INDEXED) as store,
        store.following() as ledger,
    ):
        for page in pages(events):
            ledger.follow(page, Changes())
            last = page[-1].position
    return last


def pages(events: int) -> Iterator[list[Stored]]:
    """Yield events, about as many as are asked for, those of some people at a time."""
    told, position = once(), 0
    for number in count():
        if position >= events:
            return
        yield [again(event, f"b{number}-", position) for event in told]
        position += len(told)


def again(event: Stored, who: str, after: int) -> Stored:
    """Return an event as it happens to others."""
    category, _, name = event.stream.partition(":")
    # The names of claims are hashes.
    others = name.replace(WHO, who) if WHO in name else md5(f"{who}{name}".encode()).hexdigest()  # noqa: S324 # a name
    state = event.state.replace(WHO.encode(), who.encode())
    return Stored(event.position + after, f"{category}:{others}", event.version, event.topic, state)


def once() -> list[Stored]:
    """Return what some people do: they sign in, get tags, change hands, and leave."""
    store, ids = MemoryStore(identifier_key=KEY), count()
    chance = random.Random(1)  # noqa: S311 # the same people each time
    people = Personalization(store, ids=lambda: f"{WHO}{next(ids)}")
    for n in range(PEOPLE):
        phone, tablet, ali = f"{WHO}phone{n}", f"{WHO}tablet{n}", Identity(external_id=f"{WHO}{n}")
        people.register(
            "shop",
            installation=phone,
            os=chance.choice(["ios", "android"]),
            language=chance.choice(["en", "de", "hr"]),
            app_version=f"1.{chance.randrange(9)}",
            push_token=f"{WHO}token{n}",
        )
        people.personalize(phone, ali, tags={chance.choice("uvwxyz")})
        plan = chance.choice(["gold", "free"])
        people.update_person(phone, attributes={"plan": plan}, tags={*chance.sample("uvwxyz", 3)})
        people.update_installation(phone, app_version="2.0")
        if n % 3 == 0:
            people.register("shop", installation=tablet, os="android")
            people.personalize(tablet, ali)
            people.set_primary(tablet)
        if n % 4 == 0:
            people.depersonalize(phone)
        if n % 5 == 1:
            before = Identity(external_id=f"{WHO}{n - 1}")
            people.personalize(phone, before, force_depersonalize=True)
    return [*store.stored(0, 100_000)]
