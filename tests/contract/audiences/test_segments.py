"""Saved segments: names for audiences, used in others (R33)."""

from __future__ import annotations

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.application import Call, Changes, Personalization, bulk
from addressee.domain import (
    ExpressionInvalid,
    InvalidValue,
    LimitExceeded,
    MobileApp,
    SegmentCycle,
    SegmentDefined,
    SegmentInUse,
    SegmentRemoved,
    UnknownSegment,
)
from addressee.domain.audiences import expression as a
from tests.contract.conftest import Clock, Host


def three(host: Host) -> None:
    """Ali on an Android phone, Bea on an Android and an iOS one."""
    for device, os, person in (
        ("d0", "android", "ali"),
        ("d1", "android", "bea"),
        ("d2", "ios", "bea"),
    ):
        host.device(device, os=os)
        host.login(device, person)
    host.people.set_primary("d2")


def test_R33_a_segment_stands_for_its_expression_at_once(host: Host) -> None:
    three(host)
    first = host.people.define_segment("shop", "phones", "os:android or primary")
    assert first.outcome == "updated"
    assert first.position > 0
    assert host.found("segment:phones") == ["d0", "d1", "d2"]
    assert host.found("not segment:phones or installation:d2") == ["d2"]
    host.people.define_segment("shop", "beas", a.segment("phones") & a.external_id("bea"))
    assert host.found("segment:beas") == ["d1", "d2"]
    assert host.reach.count("shop", "segment:beas and os:ios") == 1
    assert host.reach.preview("shop", "segment:beas", 1) == ["d1"]
    host.people.define_segment("shop", "phones", "os:ios")
    assert host.found("segment:beas") == ["d2"], "what it uses has changed"
    assert host.reach.segments("shop") == {
        "beas": "segment:phones and external_id:bea",
        "phones": "os:ios",
    }


def test_R33_explain_looks_into_segments(host: Host) -> None:
    three(host)
    host.people.define_segment("shop", "phones", "os:android or primary")
    told = host.reach.explain("shop", "segment:phones and not external_id:ali", installation="d2")
    assert told.reached
    assert {t.term: t.holds for t in told.terms} == {
        "os:android": False, "primary": True, "external_id:ali": False,
    }  # fmt: skip


def test_R33_a_segment_belongs_to_one_application(host: Host) -> None:
    three(host)
    host.people.define_segment("shop", "phones", "all")
    with pytest.raises(UnknownSegment, match="phones"):
        host.reach.count("bank", "segment:phones")
    assert host.reach.segments("bank") == {}


def test_R33_cycles_are_refused_and_change_nothing(host: Host) -> None:
    host.people.define_segment("shop", "a", "os:ios")
    host.people.define_segment("shop", "b", "segment:a or os:android")
    host.people.define_segment("shop", "c", "not segment:b")
    for name, expression, path in (
        ("a", "segment:a", ("a", "a")),
        ("a", "tag:x and not segment:c", ("a", "c", "b", "a")),
        ("b", "segment:c", ("b", "c", "b")),
    ):
        with pytest.raises(SegmentCycle) as refused:
            host.people.define_segment("shop", name, expression)
        assert refused.value.path == path
        assert refused.value.code == "SEGMENT_CYCLE"
    assert host.reach.segments("shop")["a"] == "os:ios"


def test_R33_a_cycle_that_two_made_at_once_is_refused_when_it_is_asked(host: Host) -> None:
    host.people.define_segment("shop", "a", "os:ios")
    with host.store.reading() as reader:
        known = reader.events(0, 10)[-1].event
    # What a writer that saw neither would have appended.
    assert isinstance(known, SegmentDefined)
    with host.store.writing() as transaction:
        twin = known.model_copy(update={"originator_version": 2, "expression": "segment:a"})
        changes = Changes()
        changes.segments["shop", "a"] = "segment:a"
        transaction.append([twin], changes)
    with pytest.raises(SegmentCycle):
        host.reach.count("shop", "segment:a")
    with pytest.raises(SegmentCycle):
        list(host.reach.targets("shop", "segment:a"))


def test_R33_a_segment_in_use_stays(host: Host) -> None:
    three(host)
    host.people.define_segment("shop", "a", "os:ios")
    host.people.define_segment("shop", "b", "not segment:a")
    with pytest.raises(SegmentInUse) as refused:
        host.people.remove_segment("shop", "a")
    assert refused.value.users == ("b",)
    host.people.remove_segment("shop", "b")
    assert host.people.remove_segment("shop", "a").outcome == "updated"
    assert host.reach.segments("shop") == {}
    for gone in ("a", "never"):
        with pytest.raises(UnknownSegment):
            host.people.remove_segment("shop", gone)
        with pytest.raises(UnknownSegment):
            host.found(f"segment:{gone}")
    host.people.define_segment("shop", "a", "os:android")
    assert host.found("segment:a") == ["d0", "d1"]


def test_R30_segments_are_events_of_their_own_stream(host: Host) -> None:
    told: list[object] = []
    host.people.subscribe(SegmentDefined, told.append)
    host.people.define_segment("shop", "a", "os:ios", actor="backend:crm")
    assert host.people.define_segment("shop", "a", " os:ios ").outcome == "unchanged"
    host.people.remove_segment("shop", "a")
    with host.store.reading() as reader:
        recorded = reader.streams({"segment:shop:a": 0})["segment:shop:a"]
    defined, removed = (event for _, event in recorded)
    assert isinstance(defined, SegmentDefined)
    assert (defined.expression, defined.actor) == ("os:ios", "backend:crm")
    assert isinstance(removed, SegmentRemoved)
    assert told == [defined]


def test_R33_segments_in_bulk_see_each_other(host: Host) -> None:
    def define(name: str, expression: str) -> Call:
        return lambda people: people.define_segment("shop", name, expression)

    answers = bulk(
        host.people,
        [
            define("a", "os:ios"),
            define("b", "segment:a"),
            define("a", "segment:b"),
            lambda people: people.remove_segment("shop", "b"),
            lambda people: people.remove_segment("shop", "a"),
        ],
    )
    assert [getattr(answer, "outcome", type(answer).__name__) for answer in answers] == [
        "updated", "updated", "SegmentCycle", "updated", "updated",
    ]  # fmt: skip
    assert host.reach.segments("shop") == {}


def test_R31_a_definition_can_be_sent_twice(host: Host) -> None:
    first = host.people.define_segment("shop", "a", "os:ios", idempotency_key="k")
    host.people.define_segment("shop", "a", "all")
    assert host.people.define_segment("shop", "a", "os:ios", idempotency_key="k") == first
    assert host.reach.segments("shop") == {"a": "all"}


def test_R33_segments_that_can_t_be_are_refused(host: Host) -> None:
    for name in ("", "a:b", "x" * 101):
        with pytest.raises(InvalidValue):
            host.people.define_segment("shop", name, "all")
    with pytest.raises(LimitExceeded):
        host.people.define_segment("s" * 256, "n" * 50, "all")
    with pytest.raises(ExpressionInvalid, match="column 8"):
        host.people.define_segment("shop", "a", "os:ios ,")
    with pytest.raises(UnknownSegment):
        host.people.define_segment("shop", "a", "segment:b")
    with pytest.raises(InvalidValue, match="not indexed"):
        host.people.define_segment("shop", "a", "attr.shoe:44")
    assert host.reach.segments("shop") == {}


def test_R57_an_application_may_have_lower_limits_of_expressions(host: Host) -> None:
    lower = {"expression_limit": 1_000, "term_limit": 100, "level_limit": 20}
    host.store.applications.put(MobileApp.of("shop", lower))
    host.device("phone", application="bank")
    long = "all or " + f"tag:{'x' * 240} or " * 3 + "tag:"
    for taken, refused in (
        (" or ".join(["all"] * 100), " or ".join(["all"] * 101)),
        (nested(20), nested(21)),
        (long.ljust(1_000, "y"), long.ljust(1_001, "y")),
    ):
        for limited in (host.reach, host.reach.as_of(host.store.settled())):
            assert limited.count("shop", taken) == 0
            with pytest.raises(InvalidValue, match=r"20 levels|at most 100"):
                limited.count("shop", refused)
        assert host.found(refused, "bank") == ["phone"]
        host.people.define_segment("shop", "taken", taken)
        with pytest.raises(InvalidValue, match=r"20 levels|at most 100"):
            host.people.define_segment("shop", "refused", refused)
    host.people.define_segment("shop", "half", " or ".join(f"tag:t{n}" for n in range(50)))
    host.people.define_segment("shop", "whole", "segment:half and not segment:half")
    with pytest.raises(LimitExceeded, match="at most 100 terms"):
        host.people.define_segment("shop", "more", "segment:whole or all")


def nested(levels: int) -> str:
    text = "all"
    for level in range(levels):
        text = f"all {('or', 'and')[level % 2]} ({text})"
    return text


def test_R33_uses_may_multiply_but_not_without_end(clock: Clock) -> None:
    host = Host(MemoryStore(), clock)  # no store has a part in it
    host.people.define_segment("shop", "s0", " or ".join(f"tag:t{n}" for n in range(100)))
    for n in range(1, 10):
        double = f"segment:s{n - 1} or not segment:s{n - 1}"
        host.people.define_segment("shop", f"s{n}", double)
    assert host.reach.count("shop", "segment:s9") == 0
    host.device()
    assert host.found("segment:s9") == ["phone"]
    with pytest.raises(LimitExceeded, match="at most 100000 terms"):
        host.people.define_segment("shop", "more", "segment:s9 or not segment:s9")
    host.people.define_segment("shop", "d0", "all")
    for n in range(1, 100):
        host.people.define_segment("shop", f"d{n}", f"tag:x and not segment:d{n - 1}")
    assert host.reach.count("shop", "segment:d99") == 0
    with pytest.raises(ExpressionInvalid, match="deeper"):
        host.people.define_segment("shop", "more", "tag:x and not segment:d99")


def test_R32_who_has_seen_an_older_definition_defines_on_the_newest(host: Host) -> None:
    other = Personalization(host.store)
    host.people.define_segment("shop", "a", "os:ios")
    other.define_segment("shop", "a", "os:android")
    assert host.people.define_segment("shop", "a", "os:ios").outcome == "updated"
    assert host.reach.segments("shop") == {"a": "os:ios"}
