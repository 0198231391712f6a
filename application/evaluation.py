"""From an expression to ordinals, shard by shard, from the index of a store.

An ordinal numbers installations in registration order; a shard is a run of 65,536 of them. Only
shards that the expression can have hits in are read, in ascending order (3 of the storage design's
findings: dense ordinals, sharded postings, early stop).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pyroaring import BitMap

from addressee.domain import And, Expression, InvalidValue, Not, Or, Term, keyed_hash, leaves
from addressee.domain.audience import ATTRIBUTE_PREFIXES

from .ports import SHARD_BITS, Reader, Store

IDENTIFIER_FIELDS: AbstractSet[str] = frozenset({"external_id", "msisdn", "email"})

Shards = Mapping[int, BitMap]
NONE: Shards = {}


@dataclass(frozen=True, slots=True)
class Plan:
    """An expression with all that is needed to evaluate it against one reader.

    Attributes:
        reader: where postings come from.
        application: whose installations count.
        expression: what is asked.
        universe: the term that every hit has: ``reachable``, or ``all`` where the rest is wanted.
        indexed: leaf → its term in the index.
        looked_up: leaf → hits by shard, for those that lead over a person or an id.
        sizes: term → shard → about how many postings.
    """

    reader: Reader
    application: str
    expression: Expression
    universe: str
    indexed: Mapping[Term, str]
    looked_up: Mapping[Term, Shards]
    sizes: Mapping[str, Mapping[int, int]]

    def hits(self, start: int = 0) -> Iterator[BitMap]:
        """Yield the hits of each shard that has any, from the shard of ordinal ``start`` on."""
        first = start >> SHARD_BITS
        terms = {self.universe, *self.indexed.values()}
        for shard in sorted(self.occupied(self.expression) & self.sizes_of(self.universe).keys()):
            if shard >= first:
                postings = self.reader.postings(self.application, terms, shard)
                universe = postings.get(self.universe, BitMap())
                if found := self.evaluate(self.expression, shard, postings, universe):
                    yield found

    def occupied(self, expression: Expression) -> AbstractSet[int]:
        """Return the shards in which an expression can have hits."""
        match expression:
            case Term():
                if expression in self.looked_up:
                    return self.looked_up[expression].keys()
                return self.sizes_of(self.indexed[expression]).keys()
            case And(parts):
                first, *rest = map(self.occupied, parts)
                return set(first).intersection(*rest)
            case Or(parts):
                return frozenset[int]().union(*map(self.occupied, parts))
            case _:
                return self.sizes_of(self.universe).keys()

    def sizes_of(self, term: str) -> Mapping[int, int]:
        """Return shard → about how many postings of a term."""
        return self.sizes.get(term, {})

    def evaluate(
        self, expression: Expression, shard: int, postings: Mapping[str, BitMap], universe: BitMap
    ) -> BitMap:
        """Return an expression's hits in one shard, a subset of the universe's."""
        match expression:
            case Term():
                if expression in self.looked_up:
                    hits = self.looked_up[expression].get(shard)
                else:
                    hits = postings.get(self.indexed[expression])
                return BitMap() if hits is None else universe & hits
            case And(parts):
                # Terms first, for they cost least, and each part only within what is left.
                for part in sorted(parts, key=lambda part: not isinstance(part, Term)):
                    universe = self.evaluate(part, shard, postings, universe)
                    if not universe:
                        break
                return universe
            case Or(parts):
                return BitMap.union(
                    *(self.evaluate(part, shard, postings, universe) for part in parts)
                )
            case Not(part):
                return universe - self.evaluate(part, shard, postings, universe)
            case _:
                raise TypeError(type(expression).__name__)


def plan(
    store: Store, reader: Reader, application: str, expression: Expression, universe: str
) -> Plan:
    """Look up what an expression names and return what is needed to evaluate it."""
    terms = leaves(expression)
    check_indexed(store, terms)
    looked_up = look_up(store, reader, application, terms)
    indexed = {leaf: leaf.key for leaf in terms - looked_up.keys()}
    sizes = reader.shards(application, {universe, *indexed.values()})
    return Plan(reader, application, expression, universe, indexed, looked_up, sizes)


def check_indexed(store: Store, terms: AbstractSet[Term]) -> None:
    """Raise InvalidValue for an attribute that the store's index does not know.

    Without this an audience on it would silently reach nobody, or everybody.
    """
    for leaf in terms:
        if leaf.field.startswith(ATTRIBUTE_PREFIXES) and leaf.field not in store.indexed_attributes:
            known = ", ".join(sorted(store.indexed_attributes)) or "none"
            problem = f"names an attribute that is not indexed; indexed_attributes are: {known}"
            raise InvalidValue("expression", problem)


def look_up(
    store: Store, reader: Reader, application: str, terms: AbstractSet[Term]
) -> dict[Term, Shards]:
    """Return leaf → hits by shard, for leaves that name identifiers or installations."""
    claims = {
        leaf: claim_of(leaf, store.identifier_key)
        for leaf in terms
        if leaf.field in IDENTIFIER_FIELDS
    }
    named = {leaf for leaf in terms if leaf.field == "installation"}
    found: dict[Term, Shards] = dict.fromkeys(claims.keys() | named, NONE)
    if claims:
        holders = reader.holders(list(claims.values()))
        owned = reader.owned(application, set(holders.values()))
        for leaf, claim in claims.items():
            if hits := owned.get(holders.get(claim, "")):
                found[leaf] = by_shard(hits)
    if named:
        ordinals = reader.ordinals(application, {leaf.value for leaf in named})
        for leaf in named:
            if leaf.value in ordinals:
                found[leaf] = by_shard(BitMap([ordinals[leaf.value]]))
    return found


def claim_of(leaf: Term, key: bytes) -> str:
    """Return the id of the claim stream of the identifier that a leaf names."""
    return f"claim:{keyed_hash(key, leaf.field, leaf.value)}"


def by_shard(ordinals: BitMap) -> Shards:
    """Split ordinals into shard → ordinals."""
    shards: dict[int, BitMap] = defaultdict(BitMap)
    for ordinal in ordinals:
        shards[ordinal >> SHARD_BITS].add(ordinal)
    return shards
