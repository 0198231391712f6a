"""Persons in sealed stores who sign in and out, and are erased some time later."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from addressee.adapters.keys import MemoryKeyStore, SqlKeyStore
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.application import (
    Erasure,
    Identity,
    InstallationErasure,
    Personalization,
    Profiles,
    Rights,
)
from addressee.domain import MobileApp, StoreUnavailable, UnknownPerson
from tests.contract.conftest import Clock
from tests.integration.sealing.conftest import WRAPPING
from tests.patience import wait_until

DAY = 86_400
SHOP = MobileApp(code="shop", erase_after=30 * DAY)
Sealed = MemoryStore | SqlStore
on_servers = pytest.mark.parametrize(
    "any_store",
    [
        "sqlite",
        "postgres",
        pytest.param("mariadb", marks=[pytest.mark.every_case, pytest.mark.mariadb]),
    ],
    indirect=True,
)
"""For tests of transactions at once, which a store in memory has not."""


class Life:
    """Persons in a sealed store, each on an installation of the person's name."""

    def __init__(self, store: Sealed) -> None:
        self.store = store
        self.clock = Clock()
        self.people = Personalization(store, clock=self.clock)
        self.people.policies.timer = count(1, 2).__next__  # settings are cached a second
        self.rights = Rights(store, self.people)

    def sign_in(self, name: str, application: str = "shop", device: str = "phone") -> str:
        phone = self.people.register(application, installation=f"{device}-of-{name}").installation
        return self.people.personalize(phone, Identity(name), force_depersonalize=True).person

    def sign_out(self, name: str, device: str = "phone") -> None:
        self.people.depersonalize(f"{device}-of-{name}")

    def erased(self, **moved: float) -> list[str]:
        """Move the clock; return who is erased then, and check that the dry run has said so."""
        self.clock.move(**moved)
        planned: list[Erasure | InstallationErasure] = []
        done: list[Erasure | InstallationErasure] = []
        number = self.rights.erase_inactive(dry_run=True, erased=planned.append)
        assert all(not each.done for each in planned)
        assert self.rights.erase_inactive(erased=done.append) == number == len(planned)
        assert all(each.done for each in done)
        names = [named(each) for each in done]
        assert names == [named(each) for each in planned]
        assert self.rights.erase_inactive(dry_run=True) == 0
        return names

    def erase_beside_others(self) -> list[str]:
        """Erase all who are due while others do so too; return whom this run has erased."""
        erased: list[str] = []
        rights = Rights(self.store, Personalization(self.store, clock=self.clock))

        def done() -> bool:
            with suppress(StoreUnavailable):  # another reads the keys' file: a later call goes on
                rights.erase_inactive(erased=lambda each: erased.append(named(each)))
                return True
            return False

        wait_until(done, "nobody is due any more")
        return erased

    def knows(self, person: str) -> bool:
        try:
            return bool(Profiles(self.store).person(person))
        except UnknownPerson:
            return False


def named(erasure: Erasure | InstallationErasure) -> str:
    """Return the person or the installation of a certificate."""
    return erasure.person if isinstance(erasure, Erasure) else erasure.installation


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.every_case),
        pytest.param("mariadb", marks=[pytest.mark.every_case, pytest.mark.mariadb]),
    ]
)
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Sealed]:
    if request.param == "memory":
        yield MemoryStore(keys=MemoryKeyStore())
        return
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("ledger", "keys")]
    if request.param != "sqlite":
        server = request.getfixturevalue(request.param)
        urls = [server.new_database() for _ in urls]
    with SqlKeyStore(urls[1], wrapping_key=WRAPPING) as keys, SqlStore(urls[0], keys=keys) as found:
        yield found


@pytest.fixture
def life(any_store: Sealed) -> Life:
    any_store.applications.put(SHOP)
    return Life(any_store)
