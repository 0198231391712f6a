"""The same questions to `django-push-notifications`, used as its documentation says.

Devices belong to users, and users to groups, for it has no tags of its own. It gives the tokens
that a message would go to, without making objects of the devices. Both keep 100,000 installations
on the same database; the clock is the wall's, for a server works elsewhere. Needs the extra
``benchmarks``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from itertools import count
from time import perf_counter
from typing import Any

from sqlalchemy import make_url

from addressee.adapters.sql import SqlStore
from addressee.application import Changes, Identity, InstallationChange, Personalization, Targeting
from addressee.domain import keyed_hash
from addressee.domain.audiences import expression as a
from addressee.domain.audiences.index_terms import flags_of
from tests.benchmarks.report import Figure, compared
from tests.servers import postgres_server

INSTALLATIONS = 100_000
TAGS = {"t100": 1_000, "huge": 10}
"""Tag → how many installations there are for each that has it."""
OTHERS = 100
BOUND = 100
KEY = b"the same for every run"


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder, postgres_server(durable=True) as server:
        urls = {
            "sqlite": f"sqlite:///{folder}/ours.db",
            "postgresql": server.new_database(),
        }
        theirs = {"sqlite": f"sqlite:///{folder}/theirs.db", "postgresql": server.new_database()}
        configure({name: make_url(url) for name, url in theirs.items()})
        for name, url in urls.items():
            with SqlStore(url, identifier_key=KEY) as store:
                yield from of_database(name, store, Devices(name))


def configure(urls: dict[str, Any]) -> None:
    """Set Django up with its own tables on each database."""
    databases: dict[str, dict[str, object]] = {
        name: {
            "ENGINE": f"django.db.backends.{'sqlite3' if name == 'sqlite' else 'postgresql'}",
            "NAME": url.database,
            "USER": url.username or "",
            "PASSWORD": url.password or "",
            "HOST": url.query.get("host") or url.host or "",
            "PORT": url.port or "",
        }
        for name, url in urls.items()
    }
    import_module("django.conf").settings.configure(
        DATABASES={"default": databases["sqlite"], **databases},
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "push_notifications",
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    import_module("django").setup()
    call_command = import_module("django.core.management").call_command
    for name in urls:
        call_command("migrate", database=name, verbosity=0)


def tags_of(number: int) -> list[str]:
    """Return the tags of a person, two of them common to many."""
    tags = [tag for tag, each in TAGS.items() if number % each == 0]
    return [*tags, f"o{number % OTHERS}", f"o{number * 7 % OTHERS}"]


class Devices:
    """The other side, on one database."""

    def __init__(self, alias: str) -> None:
        # By name, for the checkers run without the extra, and the models come after the setup.
        auth: Any = import_module("django.contrib.auth.models")
        push: Any = import_module("push_notifications.models")
        group, user_of = auth.Group, auth.User
        self.users: Any = user_of.objects.using(alias)
        self.devices: Any = push.GCMDevice.objects.using(alias)
        names = {tag for number in range(OTHERS * 10) for tag in tags_of(number)}
        groups = {name: group(name=name) for name in sorted(names)}
        group.objects.using(alias).bulk_create(groups.values())
        users = [user_of(username=f"u{n}") for n in range(INSTALLATIONS)]
        self.users.bulk_create(users, batch_size=5_000)
        membership = user_of.groups.through
        membership.objects.using(alias).bulk_create(
            (
                membership(user_id=user.pk, group_id=groups[tag].pk)
                for number, user in enumerate(users)
                for tag in set(tags_of(number))
            ),
            batch_size=5_000,
        )
        self.devices.bulk_create(
            (
                push.GCMDevice(registration_id=f"d{n:032}", cloud_message_type="FCM", user=user)
                for n, user in enumerate(users)
            ),
            batch_size=5_000,
        )

    def bind(self, number: int, user: int) -> None:
        device = self.devices.get(registration_id=f"d{number:032}")
        device.user = self.users.get(username=f"u{user}")
        device.save()

    def of_user(self, user: int) -> Sequence[str]:
        return self._tokens(user__username=f"u{user}")

    def of_tag(self, tag: str) -> Sequence[str]:
        return self._tokens(user__groups__name=tag)

    def count(self, tag: str) -> int:
        found: int = self.devices.filter(user__groups__name=tag, active=True).count()
        return found

    def _tokens(self, **condition: str) -> Sequence[str]:
        found = self.devices.filter(active=True, **condition)
        return list(found.values_list("registration_id", flat=True))


def loaded(store: SqlStore) -> None:
    """Fill the index with the same persons, tags and devices."""
    with store.loading() as load:
        for first in range(0, INSTALLATIONS, 10_000):
            changes = Changes()
            for n in range(first, first + 10_000):
                changes.holders[f"claim:{keyed_hash(KEY, 'external_id', f'u{n}')}"] = f"p{n:032}"
                terms = {"all", "reachable", "primary", *(f"tag:{tag}" for tag in tags_of(n))}
                changes.installations.append(
                    InstallationChange(
                        f"d{n:032}",
                        "shop",
                        new=True,
                        moved=True,
                        person=f"p{n:032}",
                        gained=terms,
                        flags=flags_of(terms),
                    )
                )
            load.load(changes)


def of_database(name: str, store: SqlStore, devices: Devices) -> Iterator[Figure]:
    loaded(store)
    people, reach = Personalization(store), Targeting(store)
    for n in range(BOUND):
        people.register("shop", installation=f"new{n}")
    ours, others = count(), count()

    def bind_ours() -> None:
        n = next(ours)
        identity = Identity(external_id=f"b{n // BOUND % 2}-{n % BOUND}")
        people.personalize(f"new{n % BOUND}", identity, force_depersonalize=True)

    def bind_theirs() -> None:
        n = next(others)
        devices.bind(n % BOUND, n * 31 % INSTALLATIONS)

    def tagged(tag: str) -> tuple[Callable[[], object], Callable[[], object]]:
        return lambda: list(reach.targets("shop", a.tag(tag))), lambda: devices.of_tag(tag)

    assert len(devices.of_tag("t100")) == reach.count("shop", "tag:t100") == 100
    yield figure(f"bind, {name}", bind_ours, bind_theirs, 1.5, 200)
    yield figure(
        f"devices of a user, {name}",
        lambda: list(reach.targets("shop", a.external_id("u4321"))),
        lambda: devices.of_user(4321),
        3 if name == "sqlite" else 1.5,
        200,
    )
    yield figure(
        f"primary device of a user, {name}",
        lambda: list(reach.targets("shop", a.external_id("u4321") & a.primary)),
        lambda: devices.of_user(4321),  # which has one alone: there are no primary ones
        3 if name == "sqlite" else 1.5,
        200,
    )
    few, many, counted = (4, 12, 80) if name == "sqlite" else (18, 14, 50)
    yield figure(f"100 ids of a tag, {name}", *tagged("t100"), few, 200)
    yield figure(f"10,000 ids of a tag, {name}", *tagged("huge"), many, 10)
    yield figure(
        f"count of a tag, {name}",
        lambda: reach.count("shop", a.tag("huge")),
        lambda: devices.count("huge"),
        counted,
        100,
    )


def figure(
    name: str, ours: Callable[[], object], other: Callable[[], object], bar: float, times: int
) -> Figure:
    """Return how long one call of each takes, taken in turn."""
    spent: tuple[list[float], list[float]] = ([], [])
    for round_ in range(6):
        for side, call in zip(spent, (ours, other), strict=True):
            start = perf_counter()
            for _ in range(times):
                call()
            if round_:  # the first is to warm up
                side.append((perf_counter() - start) / times)
    return Figure(name, *compared(*spent), bar)
