"""What messages tell of persons: only what the sink's table lets them (R42)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.application import Identity, Personalization, Recorded
from addressee.application.ports.public_facts import PSEUDONYMOUS
from addressee.application.relay.cloud_events import CloudEvents, Data
from addressee.domain.events import ErasureRequested

NAMED = (b"ana@", b"bea@", b"call 7")
KNOWN = {
    *("application", "installation", "person", "current", "previous", "superseded_by"),
    *("merge", "survivor", "merged", "changed", "primaries", "policy", "type", "kind", "reason"),
    *("push_enabled", "notifications_enabled", "since", "partial", "keys", "fingerprint", "events"),
    *("originator_id", "originator_version"),
}
"""Fields that hold ids, numbers, times, or one of few words."""


def recorded() -> list[Recorded]:
    """Return events of commands in which callers name somebody in each text of their own."""
    store = MemoryStore()
    people = Personalization(store)
    told: Any = {"actor": "operator:ana@x.com", "correlation_id": "call 7"}
    people.register("shop", installation="phone", **told)
    people.personalize("phone", Identity(emails=["bea@x.com"]), tags={"of bea@x.com"}, **told)
    people.define_segment("shop", "devices of bea@x.com", "email:bea@x.com", **told)
    people.remove_segment("shop", "devices of bea@x.com", **told)
    with store.reading() as view:
        events = list(view.events(0, 100))
    erasure = ErasureRequested(
        originator_id="person:p",
        timestamp=datetime.now(UTC),
        actor="operator:ana@x.com",
        segments=("shop/devices of bea@x.com",),
    )
    return [*events, Recorded(events[-1].position + 1, erasure)]


def messages(data: Data) -> list[tuple[str, bytes]]:
    """Return the key and the content of each message."""
    events = CloudEvents("/ledger", data)
    made = (events.message(each, each.position - 1) for each in recorded())
    return [(message.key, message.content) for message in made if message is not None]


@pytest.mark.parametrize("data", ["pseudonymous", "none"])
def test_R42_no_text_of_a_caller_leaves_with_a_message(data: Data) -> None:
    made = messages(data)
    assert len(made) >= 6
    for key, content in made:
        assert not [name for name in NAMED if name in content or name in key.encode()], content
    defined = next(json.loads(each) for _, each in made if b"SegmentDefined" in each)
    assert (defined["subject"], defined["partitionkey"]) == ("segment:shop", "segment:shop")
    if data == "pseudonymous":
        assert defined["data"] == {"actor": "operator", "application": "shop"}


def test_R42_whoever_asks_for_all_data_gets_the_names_in_the_data_alone() -> None:
    told = [json.loads(content) for _, content in messages("full")]
    assert {each["data"]["actor"] for each in told} == {"operator:ana@x.com"}
    assert {"devices of bea@x.com"} < {each["data"].get("name") for each in told}
    for each in told:
        del each["data"]
        assert not [name for name in NAMED if name in json.dumps(each).encode()]


def test_R42_a_new_field_is_left_out_of_messages_or_known_to_name_nobody() -> None:
    for event, left_out in PSEUDONYMOUS.items():
        assert event.model_fields.keys() - left_out <= KNOWN, event
