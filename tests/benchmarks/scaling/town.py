"""A ledger in which each of any number of persons has signed in on a device of the person's own.

The commands of a few persons are real; their events are repeated under other names. Claims get the
names that the store's key gives them, so that each person can be looked up.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count

from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.application import Changes, Identity, Personalization, Stored
from addressee.domain import IdentifierClaim
from addressee.domain.person_identifiers import external_id
from tests.benchmarks.reading.population import APPLICATION, KEY, POPULAR

KINDS = 1_000
"""How many different persons there are; all others are like one of them."""
PAGE = 2_000
"""How many persons a transaction writes: one for all would leave a log as large as the ledger."""
MARK = b"@"
"""What stands for the number of a person."""


def fill(store: SqlStore, persons: int, anonymous: int = 0) -> None:
    """Fill the ledger of an empty store, and not its read models.

    Args:
        store: whose.
        persons: how many devices there are, each of a person of its own.
        anonymous: on how many devices nobody has signed in, for each on which somebody has.
    """
    for page in pages(persons, anonymous):
        with store.following() as ledger:
            ledger.follow(page, Changes())


def pages(persons: int, anonymous: int = 0) -> Iterator[list[Stored]]:
    """Yield the events of a page of persons at a time."""
    kinds = [*map(signed_in, range(min(KINDS, persons)))]
    position = 0
    for first in range(0, persons, PAGE):
        page: list[Stored] = []
        for number in range(first, min(first + PAGE, persons)):
            claim = IdentifierClaim.on(external_id(f"p{number}"), KEY).id
            events = kinds[number % len(kinds)]
            for event in events[:1] if number % (anonymous + 1) else events:
                position += 1
                stream = (
                    claim
                    if event.stream.startswith("claim:")
                    else event.stream.replace("@", str(number))
                )
                state = event.state.replace(MARK, b"%d" % number)
                page.append(Stored(position, stream, event.version, event.topic, state))
        yield page


def signed_in(kind: int) -> list[Stored]:
    """Return the events of a person's first sign-in, with the person's number marked."""
    store, ids = MemoryStore(identifier_key=KEY), count()
    people = Personalization(store, ids=lambda: f"id{next(ids)}-@")
    chance = random.Random(kind)  # noqa: S311 # the same persons each time
    people.register(
        APPLICATION,
        installation="d@",
        os=chance.choices(["android", "ios"], [65, 35])[0],
        language=chance.choice(["en", "de", "hr"]),
        app_version=f"3.{chance.randrange(20)}",
    )
    tags = {name for name, share in POPULAR.items() if chance.random() < share}
    tags |= {f"seg-{min(int(chance.paretovariate(0.5)), 2000)}" for _ in range(2)}
    people.personalize(
        "d@",
        Identity(external_id="p@"),
        tags=tags,
        set_primary=chance.random() < 0.8,
        keep_as_lead=chance.random() < 0.3,
    )
    return [*store.stored(0, 100)]
