"""A made-up town of installations, the same for the same seed, as an index takes it in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from addressee.application import Changes, InstallationChange
from addressee.domain import keyed_hash
from addressee.domain.audiences.index_terms import flags_of

PROFILES = 8192
"""How many combinations of terms there are; each installation has one of them."""
KEY = b"the same for every run"
APPLICATION = "shop"
SINCE = datetime(2026, 11, 23, tzinfo=UTC)
RARE = 100
"""How many installations have ``tag:rare``."""
POPULAR = {"huge": 0.23, "t20": 0.2, "t10": 0.1, "t5": 0.05}
"""Tags that many have, and how many of all."""


@dataclass(frozen=True, slots=True)
class Population:
    """Installations of one application: four of five belong to somebody, one in five persons has
    two, and each has the facts of its device and five tags, some common and most of them rare.

    Args:
        installations: how many.
        seed: of its randomness.
    """

    installations: int
    seed: int = 4

    def changes(self, page: int = 10_000) -> Iterator[Changes]:
        """Yield what becomes of the read models, as if all had registered and signed in once."""
        chance = random.Random(self.seed)  # noqa: S311 # the same town for the same seed
        anonymous = [device_terms(chance) for _ in range(PROFILES)]
        owned = [terms | person_terms(chance) for terms in anonymous]
        rare = frozenset(chance.sample(range(self.installations), RARE))
        person, bits = 0, chance.getrandbits
        for first_of_page in range(0, self.installations, page):
            changes = Changes()
            for ordinal in range(first_of_page, min(first_of_page + page, self.installations)):
                draw = bits(30)
                profile = draw % PROFILES
                terms, owner, first = anonymous[profile], None, True
                if (draw >> 13) % 5:
                    terms, first = owned[profile], bool((draw >> 17) % 6)
                    person += first
                    owner = person_id(person)
                    if first:
                        terms |= {"primary"}
                        claim = claim_id(person)
                        changes.holders[claim] = owner
                if ordinal in rare:
                    terms |= {"tag:rare"}
                changes.installations.append(
                    InstallationChange(
                        f"{bits(128):032x}",
                        APPLICATION,
                        new=True,
                        moved=owner is not None,
                        person=owner,
                        bound_at=SINCE if owner else None,
                        gained=terms,
                        flags=flags_of(terms),
                    )
                )
            yield changes


def person_id(number: int) -> str:
    """Return the id of a person, as long as ids are that the product makes."""
    return f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128):032x}"


def claim_id(number: int) -> str:
    """Return the claim stream of a person's external id, ``p`` and the number."""
    return f"claim:{keyed_hash(KEY, 'external_id', f'p{number}')}"


def device_terms(chance: random.Random) -> frozenset[str]:
    """Return the terms of a device."""
    os = chance.choices(("android", "ios", "huawei"), (62, 33, 5))[0]
    terms = {
        "all",
        f"os:{os}",
        f"language:{chance.choices(('en', 'hr', 'de', 'fr', 'es'), (50, 20, 15, 10, 5))[0]}",
        f"app_version:3.{min(int(chance.expovariate(0.3)), 30)}",
    }
    return frozenset(terms | {"reachable"} if chance.random() < 0.9 else terms)


def person_terms(chance: random.Random) -> frozenset[str]:
    """Return the terms that an owner adds: the type, and five tags."""
    tags = [name for name, share in POPULAR.items() if chance.random() < share]
    while len(tags) < 5:
        tags.append(f"seg-{min(int(chance.paretovariate(0.5)), 2000)}")
    kind = "customer" if chance.random() < 0.7 else "lead"
    return frozenset({f"type:{kind}", *(f"tag:{name}" for name in tags)})
