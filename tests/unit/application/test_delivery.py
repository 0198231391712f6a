"""Threads learn of their commits in any order; subscribers hear of them in the ledger's (R29)."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from addressee.application.execution.subscribers import Subscribers
from addressee.domain import Event, PersonPromoted


def promoted(name: str) -> list[Event]:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    return [PersonPromoted(originator_id=f"person:{name}", timestamp=at, actor="device")]


def test_R29_a_batch_waits_for_commands_that_may_have_committed_before_it() -> None:
    told: list[str] = []
    subscribers = Subscribers(logging.getLogger("test"))
    subscribers.subscribe(PersonPromoted, lambda event: told.append(event.person))
    slow, quick = subscribers.begin(), subscribers.begin()
    subscribers.end(quick, 7, promoted("second"))
    assert told == []
    late = subscribers.begin()
    subscribers.end(slow, 4, promoted("first"))
    assert told == [], "who was under way may hold a lower position still"
    subscribers.end(late, 0, [])
    assert told == ["first", "second"]


def test_R29_a_command_that_fails_holds_nobody_up() -> None:
    told: list[str] = []
    subscribers = Subscribers(logging.getLogger("test"))
    subscribers.subscribe(PersonPromoted, lambda event: told.append(event.person))
    failing, quick = subscribers.begin(), subscribers.begin()
    subscribers.end(quick, 7, promoted("only"))
    subscribers.end(failing, 0, [])
    assert told == ["only"]
