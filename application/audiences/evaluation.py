"""From an expression to ordinals, run of shards by run, from the index of a store.

An ordinal numbers installations in registration order; a shard is a run of 65,536 of them. Only
shards that the expression can have hits in are read, in ascending order, and the rarest conjunct
comes first (the storage design's findings: dense ordinals, sharded postings, early stop).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pyroaring import BitMap

from addressee.domain import (
    KINDS,
    And,
    Expression,
    IdentifierClaim,
    InvalidValue,
    Not,
    Or,
    Term,
    leaves,
)
from addressee.domain.audiences.expression import ATTRIBUTE_PREFIXES
from addressee.domain.audiences.index_terms import ALL, REACHABLE

from ..ports.store import Viewable
from ..ports.transaction_views import SHARD_BITS, View
from ..read_models.claim_names import check_key
from .cost_estimate import Estimate
from .segment_expansion import expanded

RUN = 16
"""How many shards are evaluated at once: a million installations, 128 KB a term."""
FEW = 4
"""Up to so many shards of a run are read by themselves, where others could be left out."""
LOOKED_UP = {*KINDS, "installation"}
"""The fields of terms that lead over a person or an id, and not to postings."""
NOTHING = BitMap()
NOWHERE: Mapping[int, int] = {}


@dataclass(frozen=True, slots=True)
class Plan:
    """How an expression is evaluated against one reader.

    Attributes:
        reader: where postings come from.
        application: whose installations count.
        indexed: leaf → its term in the index.
        estimate: sizes known before postings are read.
        conjuncts: the conditions, the universe among them, in the order of evaluation.
    """

    reader: View
    application: str
    indexed: Mapping[Term, str]
    estimate: Estimate
    conjuncts: And

    def hits(self, start: int = 0) -> Iterator[BitMap]:
        """Yield hits in ascending order, those of a run of shards at once; not to be changed.

        Args:
            start: ordinal from whose shard on they are wanted.
        """
        for postings in self.postings(start >> SHARD_BITS):
            if found := self.narrowed(
                self.conjuncts.parts, postings[self.estimate.universe], postings
            ):
                yield found

    def count(self) -> int:
        """Return how many hits there are, without the last step of making them."""
        *parts, last = self.conjuncts.parts
        total = 0
        for postings in self.postings():
            universe = postings[self.estimate.universe]
            if not parts:
                total += len(universe)
            elif found := self.narrowed(parts, universe, postings):
                if isinstance(last, Not):
                    lost = self.evaluate(last.part, found, postings)
                    total += found.difference_cardinality(lost)
                else:
                    total += found.intersection_cardinality(self.evaluate(last, found, postings))
        return total

    def postings(self, first: int = 0) -> Iterator[Mapping[Term, BitMap]]:
        """Yield leaf → ordinals for each run of shards, from the one with a first shard on."""
        terms = frozenset(self.indexed.values())
        for shards in self.runs(first):
            found = self.reader.postings(self.application, terms, shards)
            indexed = {leaf: found.get(term, NOTHING) for leaf, term in self.indexed.items()}
            yield {**indexed, **self.estimate.looked_up}

    def runs(self, first: int = 0) -> Iterator[range]:
        """Yield the shards that can have hits, from a first one on, as they are read."""
        occupied = self.estimate.occupied(self.conjuncts)
        everywhere = len(occupied) == len(self.estimate.occupied(self.estimate.universe))
        shards_of: dict[int, list[int]] = {}
        for shard in sorted(occupied):
            if shard >= first:
                shards_of.setdefault(shard // RUN, []).append(shard)
        for run, shards in shards_of.items():
            if everywhere or len(shards) > FEW:
                yield range(run * RUN, (run + 1) * RUN)
            else:
                yield from (range(shard, shard + 1) for shard in shards)

    def evaluate(
        self, expression: Expression, within: BitMap, postings: Mapping[Term, BitMap]
    ) -> BitMap:
        """Return the ordinals of a set that match an expression, and possibly others outside.

        Of terms the whole bitmap is taken, since one operation on it costs less than two.
        """
        match expression:
            case Term():
                return postings[expression]
            case And(parts):
                return self.narrowed(parts, within, postings)
            case Or(parts):
                return BitMap.union(*(self.evaluate(part, within, postings) for part in parts))
            case Not(part):
                return within - self.evaluate(part, within, postings)
            case _:
                raise TypeError(type(expression).__name__)

    def narrowed(
        self, parts: Sequence[Expression], within: BitMap, postings: Mapping[Term, BitMap]
    ) -> BitMap:
        """Return the ordinals that match all parts, each within the hits of those before."""
        first, *rest = parts
        found, own = self.evaluate(first, within, postings), False
        for part in rest:
            if not found:
                break
            if isinstance(part, Not):
                lost = self.evaluate(part.part, found, postings)
                found = found.__isub__(lost) if own else found - lost
            else:
                kept = self.evaluate(part, found, postings)
                found = found.__iand__(kept) if own else found & kept
            own = True
        return found


def plan(
    store: Viewable, reader: View, application: str, expression: Expression, universe: Term
) -> Plan:
    """Look up the sizes of an expression's terms and return the plan of its evaluation."""
    terms = leaves(expression)
    if "segment" in {leaf.field for leaf in terms}:
        expression = without_segments(reader, application, expression)
        terms = leaves(expression)
    check_indexed(store, terms)
    named = {leaf for leaf in terms if leaf.field in LOOKED_UP}
    looked_up = look_up(store, reader, application, named) if named else {}
    indexed = {leaf: leaf.key for leaf in (universe, *terms) if leaf not in looked_up}
    sizes = reader.shards(application, frozenset(indexed.values()))
    of_leaf = {leaf: sizes.get(term, NOWHERE) for leaf, term in indexed.items()}
    estimate = Estimate(universe, looked_up, of_leaf)
    parts = expression.parts if isinstance(expression, And) else (expression,)
    return Plan(reader, application, indexed, estimate, estimate.ordered_and((universe, *parts)))


def without_segments(reader: View, application: str, expression: Expression) -> Expression:
    """Return an expression with the application's segments expanded in it; raises as `expanded`."""
    return expanded(expression, lambda name: reader.segments(application, {name}).get(name))


def check_indexed(store: Viewable, terms: AbstractSet[Term]) -> None:
    """Raise InvalidValue for an attribute that the store's index does not know.

    Without this an audience on it would silently match nobody, or everybody.
    """
    for leaf in terms:
        if leaf.field.startswith(ATTRIBUTE_PREFIXES) and leaf.field not in store.indexed_attributes:
            known = ", ".join(sorted(store.indexed_attributes)) or "none"
            problem = f"names an attribute that is not indexed; indexed_attributes are: {known}"
            raise InvalidValue("expression", problem)


def look_up(
    store: Viewable, reader: View, application: str, terms: AbstractSet[Term]
) -> dict[Term, BitMap]:
    """Return leaf → hits, for leaves that name identifiers or installations."""
    claims = {
        leaf: IdentifierClaim.on(identifier, store.identifier_key).id
        for leaf in terms
        if (identifier := leaf.identifier) is not None
    }
    named = {leaf for leaf in terms if leaf.field == "installation"}
    found = dict.fromkeys(claims.keys() | named, NOTHING)
    if claims:
        bound = reader.bound(application, set(claims.values()))
        if len(bound) < len(claims):
            check_key(reader, store.identifier_key)  # or everybody had no identifier
        for leaf, claim in claims.items():
            found[leaf] = bound.get(claim, NOTHING)
    if named:
        ordinals = reader.ordinals(application, {leaf.value for leaf in named})
        for leaf in named:
            if leaf.value in ordinals:
                found[leaf] = BitMap([ordinals[leaf.value]])
    return found


def universe_of(*, include_disabled: bool) -> Term:
    """Return the term that every hit has (R34)."""
    return Term(ALL if include_disabled else REACHABLE)


def first_hits(planned: Plan, start: int, n: int) -> list[int]:
    """Return the first ``n`` ordinals from ``start`` on, reading no further than needed."""
    found: list[int] = []
    if n == 0:
        return found
    for hits in planned.hits(start):
        first = hits.rank(start - 1) if start else 0
        if first or len(hits) > n - len(found):
            hits = hits[first : first + n - len(found)]  # noqa: PLW2901 # a copy
        found += hits.to_array().tolist()  # iterating takes four times as long
        if len(found) >= n:
            break
    return found
