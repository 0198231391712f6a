"""What the product should believe, on plain objects that are all scanned; and random lives."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from addressee.application import Call, Identity, Store
from addressee.domain import And, Expression, Not, Or, Term, as_expression
from addressee.domain.audiences import expression as a

TAGS = ["vip", "new"]
PLANS = ["gold", "free"]
SYSTEMS = ["ios", "android"]
SEGMENTS = ["s0", "s1", "s2"]


@dataclass
class Device:
    os: str
    on: bool = True
    expired: bool = False
    itags: set[str] = field(default_factory=set[str])
    owner: str | None = None
    primary: bool = False
    token: str | None = None


@dataclass
class Owner:
    type: str = "lead"
    tags: set[str] = field(default_factory=set[str])
    plan: str | None = None


@dataclass
class World:
    devices: dict[str, Device] = field(default_factory=dict[str, Device])
    people: dict[str, Owner] = field(default_factory=dict[str, Owner])
    segments: dict[str, Expression] = field(default_factory=dict[str, Expression])

    def holds(self, term: Term, name: str) -> bool:
        device = self.devices[name]
        owner = Owner("nobody") if device.owner is None else self.people[device.owner]
        facts: Mapping[str, object] = {
            "tag": owner.tags,
            "itag": device.itags,
            "os": device.os,
            "type": owner.type,
            "attr.plan": owner.plan,
            "external_id": device.owner,
            "installation": name,
        }
        known = facts.get(term.field)
        if term.field == "segment":
            return self.reaches(self.segments[term.value], name)
        if term.field in ("primary", "all"):
            return device.primary or term.field == "all"
        return term.value in known if isinstance(known, set) else term.value == known

    def reaches(self, expression: Expression, name: str) -> bool:
        match expression:
            case And(parts):
                return all(self.reaches(part, name) for part in parts)
            case Or(parts):
                return any(self.reaches(part, name) for part in parts)
            case Not(part):
                return not self.reaches(part, name)
            case _:
                return isinstance(expression, Term) and self.holds(expression, name)

    def found(self, expression: Expression, *, disabled: bool) -> list[str]:
        live = (n for n, d in self.devices.items() if (d.on or disabled) and not d.expired)
        return [name for name in live if self.reaches(expression, name)]


@dataclass
class Life:
    """Gives random commands, and does the same to the world.

    Args:
        chance: decides.
        application: which no other life has, so that many can share a store.
    """

    chance: random.Random
    application: str
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.devices = [f"{self.application}-d{n}" for n in range(5)]
        self.names = [f"{self.application}-{name}" for name in ("ali", "bob", "carol")]

    def step(self) -> Call:
        name, person = self.chance.choice(self.devices), self.chance.choice(self.names)
        tag, device = self.chance.choice(TAGS), self.world.devices.get(name)
        if device is None or device.expired:
            return self.arrive(name) if device is None else self.save()
        owner = self.world.people.get(device.owner or "")
        match self.chance.randrange(11):
            case 0 | 1 | 2:
                return self.login(device, name, person)
            case 3:
                self.leave(device)
                return lambda people: people.depersonalize(name)
            case 4 if owner:
                for other in self.world.devices.values():
                    other.primary = other.primary and other.owner != device.owner
                device.primary = True
                return lambda people: people.set_primary(name)
            case 5 if owner:
                owner.tags = {tag}
                plan = owner.plan = self.chance.choice([None, *PLANS])
                return lambda people: people.update_person(
                    name, tags={tag}, attributes={"plan": plan}
                )
            case 6:
                device.itags.add(tag)
                return lambda people: people.tag_installation(name, add={tag})
            case 7:
                on = device.on = not device.on
                return lambda people: people.update_installation(name, push_enabled=on)
            case 10:
                token = device.token = self.chance.choice([None, self.token()])
                return lambda people: people.update_installation(name, push_token=token)
            case 8 if self.chance.random() < 0.3:
                self.leave(device)
                device.expired = True
                return lambda people: people.expire(name, "unregistered")
            case _:
                return self.save()

    def arrive(self, name: str) -> Call:
        os = self.chance.choice(SYSTEMS)
        token = self.chance.choice([None, self.token()])
        self.world.devices[name] = Device(os, token=token)
        return lambda people: people.register(
            self.application, installation=name, os=os, push_token=token
        )

    def token(self) -> str:
        """Return a push token that no other device of the life has or had."""
        return f"{self.application}-t{self.chance.getrandbits(64)}"

    def login(self, device: Device, name: str, person: str) -> Call:
        keep = self.chance.random() < 0.4
        owner = self.world.people.setdefault(person, Owner())
        if not keep:
            owner.type = "customer"
        if device.owner != person:
            self.leave(device)
            device.owner = person
        return lambda people: people.personalize(
            name, Identity(external_id=person), force_depersonalize=True, keep_as_lead=keep
        )

    def leave(self, device: Device) -> None:
        if device.owner is not None:
            device.owner, device.primary, device.itags = None, False, set()

    def save(self) -> Call:
        """Define a segment, on those whose names come before its own."""
        name = self.chance.choice(SEGMENTS)
        earlier = [
            a.segment(n) for n in SEGMENTS[: SEGMENTS.index(name)] if n in self.world.segments
        ]
        expression = self.world.segments[name] = self.audience(2, earlier)
        return lambda people: people.define_segment(self.application, name, expression)

    def audience(self, depth: int = 3, also: list[Term] | None = None) -> Expression:
        """Return a random expression; ``also`` are segments that it may use, all by default."""
        if depth == 0 or self.chance.random() < 0.3:
            choice = self.chance.choice
            usable = [a.segment(name) for name in self.world.segments] if also is None else also
            return choice(
                [
                    a.tag(choice(TAGS)),
                    a.itag(choice(TAGS)),
                    a.os(choice(SYSTEMS)),
                    a.external_id(choice(self.names)),
                    a.installation(choice(self.devices)),
                    a.person_type(choice(["lead", "customer"])),
                    a.attr("plan", choice(PLANS)),
                    a.primary,
                    a.everyone,
                    *usable,
                ]
            )
        left, right = self.audience(depth - 1, also), self.audience(depth - 1, also)
        return self.chance.choice([left & right, left | right, ~left])


class WithoutLookups:
    """A store that answers no lookup, so that every audience is evaluated within a view."""

    def __init__(self, store: Store) -> None:
        self.identifier_key = store.identifier_key
        self.indexed_attributes = store.indexed_attributes
        self.applications = store.applications
        self.reading = store.reading
        self.settled = store.settled


def as_term(text: str) -> Term:
    """Return the one term that a text is."""
    term = as_expression(text)
    assert isinstance(term, Term)
    return term
