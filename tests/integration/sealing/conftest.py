"""A person with values that are found wherever they stand in clear."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.push import RecordingPush
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Message, Notifier, Personalization, SealedStore
from tests.unmistakable import VALUES, found_in

__all__ = ["INDEXED", "VALUES", "WRAPPING", "found_in", "live", "send"]

WRAPPING = bytes(range(32))
INDEXED = ("attr.plan",)


def live(store: SealedStore) -> tuple[str, str]:
    """Give a store one person with all the values; return the person and the installation."""
    people = Personalization(store)
    phone = people.register(
        "shop", push_token=VALUES["token"], os="Android", device_name=VALUES["device"]
    ).installation
    identity = Identity(VALUES["external id"], [VALUES["phone"]], [VALUES["email"]])
    attributes = {"first_name": VALUES["name"], "plan": VALUES["plan"]}
    person = people.personalize(
        phone, identity, attributes, tags={VALUES["tag"]}, idempotency_key=VALUES["key"]
    ).person
    people.tag_installation(phone, add={VALUES["installation tag"]})
    people.update_installation(phone, attributes={"colour": VALUES["installation attribute"]})
    people.define_segment("shop", "named", f'email:{VALUES["email"]} or tag:"{VALUES["tag"]}"')
    return person, phone


def send(store: SqlStore) -> None:
    """Send the person a push."""
    notifier = Notifier(store, {"fcm": RecordingPush()})
    message = Message(title=VALUES["title"], body="…")
    order = notifier.dispatch("shop", f"email:{VALUES['email']}", message)
    notifier.run(order.id)


@pytest.fixture
def keys(tmp_path: Path) -> Generator[SqlKeyStore]:
    with SqlKeyStore(f"sqlite:///{tmp_path}/keys.db", wrapping_key=WRAPPING) as found:
        yield found


@pytest.fixture
def store(tmp_path: Path, keys: SqlKeyStore) -> Generator[SqlStore]:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with SqlStore(url, keys=keys, indexed_attributes=INDEXED) as sealed:
        yield sealed


@pytest.fixture
def reopened(tmp_path: Path) -> Callable[..., SqlStore]:
    """Return what opens the store's file again, with other keys or none."""
    return lambda keys=None: SqlStore(f"sqlite:///{tmp_path}/ledger.db", keys=keys)
