"""Cost of an expression before any posting is read: sizes, and the order of evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pyroaring import BitMap

from addressee.domain import And, Expression, Not, Or, Term

from ..ports.transaction_views import SHARD_BITS


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a plan.

    Attributes:
        expression: what has to hold.
        takes_away: whether it only takes hits away.
        postings: how many the index has of it, or of what is taken away, at most.
        shards: how many runs of 65,536 installations those are in.
    """

    expression: str
    takes_away: bool
    postings: int
    shards: int


@dataclass(frozen=True, slots=True)
class TargetingPlan:
    """How an audience is evaluated, and why that is fast or slow.

    Attributes:
        steps: the conditions in the order of evaluation: the rarest first, each only within the
            hits so far; exclusions last. The universe, ``reachable`` or with disabled ones ``all``,
            is one of them.
        shards: numbers of the runs of 65,536 installations that are read; no others can have hits.
        of: how many such runs the application has.
    """

    steps: tuple[Step, ...]
    shards: tuple[int, ...]
    of: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many hits the parts of an expression have, and in which shards.

    Attributes:
        universe: the term that every hit has.
        looked_up: leaf → hits, for those that lead over a person or an id.
        sizes: every other leaf, the universe too → shard → about how many postings.
    """

    universe: Term
    looked_up: Mapping[Term, BitMap]
    sizes: Mapping[Term, Mapping[int, int]]

    def occupied(self, expression: Expression) -> AbstractSet[int]:
        """Return the shards in which an expression can have hits, within the universe."""
        match expression:
            case Term():
                if (sizes := self.sizes.get(expression)) is not None:
                    return sizes.keys()
                return {ordinal >> SHARD_BITS for ordinal in self.looked_up[expression]}
            case And(parts) if positive := [p for p in parts if not isinstance(p, Not)]:
                first, *rest = map(self.occupied, positive)
                return set(first).intersection(*rest)
            case Or(parts):
                return set[int]().union(*map(self.occupied, parts))
            case _:
                return self.sizes[self.universe].keys()

    def steps(self, conjuncts: And) -> tuple[Step, ...]:
        """Return the parts of a conjunction as steps, in their order."""
        return tuple(
            Step(str(part), isinstance(part, Not), self.size(inner), len(self.occupied(inner)))
            for part in conjuncts.parts
            for inner in (part.part if isinstance(part, Not) else part,)
        )

    def size(self, expression: Expression) -> int:
        """Return about how many hits an expression has, at most."""
        match expression:
            case Term():
                if (sizes := self.sizes.get(expression)) is not None:
                    return sum(sizes.values())
                return len(self.looked_up[expression])
            case And(parts) if positive := [p for p in parts if not isinstance(p, Not)]:
                return min(map(self.size, positive))
            case Or(parts):
                return sum(map(self.size, parts))
            case _:
                return self.size(self.universe)

    def ordered(self, expression: Expression) -> Expression:
        """Return an expression that means the same, its conjunctions in the order that is best."""
        match expression:
            case And(parts):
                return self.ordered_and(parts)
            case Or(parts):
                return Or(tuple(map(self.ordered, parts)))
            case Not(part):
                return Not(self.ordered(part))
            case _:
                return expression

    def ordered_and(self, parts: Iterable[Expression]) -> And:
        """Return the conjunction of parts in the order that is best.

        The rarest part comes first, since each is evaluated only within the hits so far; exclusions
        come last, each piece by itself.
        """
        positive: list[tuple[int, int, Expression]] = []
        negative: list[Expression] = []
        for number, part in enumerate(parts):
            if isinstance(part, Not):
                pieces = part.part.parts if isinstance(part.part, Or) else (part.part,)
                negative += (~self.ordered(piece) for piece in pieces)
            else:
                positive.append((self.size(part), number, self.ordered(part)))
        return And((*(part for _, _, part in sorted(positive)), *negative))
