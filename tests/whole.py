"""Whether a store is whole: its read models are what a fold of its ledger gives."""

from __future__ import annotations

from addressee.application import Store
from addressee.domain import (
    Aggregate,
    IdentifierClaim,
    Installation,
    Person,
    installation_terms,
    person_terms,
)


def check_whole(store: Store) -> set[int]:
    """Fold the ledger and compare it with the read models; return the positions it has."""
    with store.reading() as reader:
        recorded = reader.events(0, 1_000_000)
        kinds: dict[str, type[Aggregate]] = {
            kind.CATEGORY: kind for kind in (Installation, Person, IdentifierClaim)
        }
        found: dict[str, Aggregate] = {}
        for _, event in recorded:
            category, _, name = event.originator_id.partition(":")
            if category in kinds:
                found.setdefault(event.originator_id, kinds[category](name)).fold((event,))
        installations = {a.name: a for a in found.values() if isinstance(a, Installation)}
        persons = {a.name: a for a in found.values() if isinstance(a, Person)}
        claims = {a.id: a.holder for a in found.values() if isinstance(a, IdentifierClaim)}
        for name, installation in installations.items():
            owner = persons.get(installation.person or "")
            assert owner is None or name in owner.devices, "one stream knows, the other does not"
        assert reader.holders(list(claims)) == claims
        ordinals = reader.ordinals("shop", set(installations))
        assert ordinals.keys() == installations.keys()
        expected: dict[str, set[int]] = {}
        for name, installation in installations.items():
            terms = installation_terms(installation, set())
            if installation.person:
                terms |= person_terms(persons[installation.person], set())
            for term in terms:
                expected.setdefault(term, set()).add(ordinals[name])
        names = {*expected, *(f"tag:t{n}" for n in range(4)), "primary"}
        held = {
            term: set(bitmap) for term, bitmap in reader.postings("shop", names, range(1)).items()
        }
        assert {term: hits for term, hits in held.items() if hits} == expected
        owned = reader.owned("shop", set(persons))
        assert {p: set(hits) for p, hits in owned.items()} == {
            p.name: {ordinals[device] for device in p.devices}
            for p in persons.values()
            if p.devices
        }
    return {position for position, _ in recorded}
