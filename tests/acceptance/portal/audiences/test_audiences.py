"""Audiences and pushes in the portal."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from httpx import Response

from addressee.application import Message, Targeting
from addressee.domain import SegmentDefined

from ..shop import EVIL, Shop
from ..test_rights import form_of
from ..visits import Operator


def test_an_audience_is_counted_sampled_and_explained(shop: Shop, marketing: Operator) -> None:
    answer = marketing.post("/audience", expression="tag:vip", installation="dana-phone").text
    expected = Targeting(shop.store).count("shop", "tag:vip")
    assert f'<p class="count">{expected}</p>' in answer
    assert "/installation?id=ali-phone" in answer
    assert "No audience reaches it" in answer
    everybody = marketing.post("/audience", expression="tag:vip", include_disabled="yes").text
    assert f'<p class="count">{expected + 1}</p>' in everybody


def test_R35_an_audience_is_counted_as_of_a_moment(marketing: Operator) -> None:
    for at, number in (("2026-11-20T09:00:00", 1), ("2026-11-20T20:00:00", 2)):
        answer = marketing.post("/audience", expression="external_id:ali", at=at).text
        assert f'<p class="count">{number}</p>' in answer
        assert "Write a push" not in answer


@pytest.mark.parametrize(
    ("expression", "marked", "column"),
    [("tag:vip and", " ", 12), ("tag:vip )", ")", 9), ("<b>:x", "&lt;", 1), ("", " ", 1)],
)
def test_R33_the_column_of_an_error_is_marked(
    marketing: Operator, expression: str, marked: str, column: int
) -> None:
    answer = marketing.post("/audience", expression=expression)
    assert answer.status_code == 400
    assert f"<mark>{marked}</mark>" in answer.text
    assert f"Column {column}:" in answer.text
    told = marketing.post("/audience/count", expression=expression).json()
    assert told["column"] == column


def test_the_script_gets_a_count_or_the_problem(shop: Shop, marketing: Operator) -> None:
    expected = Targeting(shop.store).count("shop", "all")
    assert marketing.post("/audience/count", expression="all").json() == {"count": expected}
    assert "problem" in marketing.post("/audience/count", expression="segment:none").json()


def test_a_segment_is_saved_by_its_operator_and_offered(shop: Shop, url: str) -> None:
    marketing, support = Operator(url, shop.keys["marketing"]), Operator(url, shop.keys["support"])
    assert support.post("/audience/segment", segment="s", expression="all").status_code == 403
    done = marketing.post("/audience/segment", segment="sale", expression="tag:vip and os:ios")
    assert "The segment is saved." in done.text
    assert 'value="segment:sale"' in done.text
    assert Targeting(shop.store).segments("shop")["sale"] == "tag:vip and os:ios"
    with shop.store.reading() as view:
        recorded = view.events(0, 10_000)
    [event] = [e for _, e in recorded if isinstance(e, SegmentDefined) and e.name == "sale"]
    assert event.actor.startswith("operator:mia@")


def test_completion_offers_tags_as_text_and_no_identifiers(shop: Shop, marketing: Operator) -> None:
    shop.people.define_segment("shop", "one", "email:secret@example.com or tag:rare")
    page = marketing.get("/audience").text
    options = page.partition("<datalist")[2].partition("</datalist>")[0]
    assert 'value="tag:rare"' in options
    assert 'value="tag:vip"' in options
    assert "secret@example.com" not in options
    assert EVIL not in page


def test_identifiers_in_audiences_are_masked_where_nobody_writes_them(shop: Shop, url: str) -> None:
    marketing, read = Operator(url, shop.keys["marketing"]), Operator(url, shop.keys["read"])
    secret = "hidden@example.com"
    shop.people.define_segment("shop", "named", f"email:{secret} or tag:x")
    form = {"expression": f"email:{secret}", "title": "x", "once": "once-3", "sure": "yes"}
    pushed = marketing.post("/push/send", **form).url.params["id"]
    assert secret in marketing.get("/audience", segment="named").text
    for operator, path in (
        (read, "/audience?segment=named"),
        (read, "/pushes"),
        (marketing, "/pushes"),
        (marketing, f"/push?id={pushed}"),
    ):
        page = operator.get(path).text
        assert secret not in page
        assert "email:h•••@example.com" in page


def test_a_push_is_tried_and_sent_once(shop: Shop, url: str) -> None:
    marketing, support = Operator(url, shop.keys["marketing"]), Operator(url, shop.keys["support"])
    given = {"expression": "external_id:ali", "title": "Hello", "body": "Ali"}
    before = len(shop.notifier.dispatches("shop"))
    for path in ("/push/write", "/push/send"):
        assert support.post(path, **given, sure="yes").status_code == 403
    tried = marketing.post("/push/write", **given, **{"try": "yes"}).text
    assert '<p class="count">2</p>' in tried
    form = form_of(tried)
    assert marketing.post("/push/send", **form).status_code == 400  # the box is not checked
    assert len(shop.notifier.dispatches("shop")) == before
    for _ in range(2):
        sent = marketing.post("/push/send", **form, sure="yes")
        assert "The push is made." in sent.text
    made = shop.notifier.dispatches("shop")
    assert len(made) == before + 1
    assert made[0].audience == "external_id:ali"
    assert "external_id:a•••" in marketing.get("/pushes").text


def test_a_push_is_scheduled_in_a_zone_shown_listed_and_cancelled(shop: Shop, url: str) -> None:
    marketing, read = Operator(url, shop.keys["marketing"]), Operator(url, shop.keys["read"])
    given = {"expression": "external_id:ali", "title": "Sale", "zone": "Europe/Zagreb"}
    written = marketing.post("/push/write", expression="external_id:ali").text
    assert "data-zone" in written, "the script may choose the browser's"
    tried = marketing.post("/push/write", **given, starts_at="2027-07-01T09:30", **{"try": "yes"})
    assert "at 2027-07-01 09:30 in Europe/Zagreb" in tried.text
    assert "2027-07-01 07:30:00</time> UTC" in tried.text
    assert "<option selected>Europe/Zagreb</option>" in tried.text
    assert '<p class="count">2</p>' in tried.text
    assert "Schedule it" in tried.text
    made = [marketing.post("/push/send", **form_of(tried.text), sure="yes") for _ in range(2)]
    assert "The push is scheduled." in made[0].text
    assert "It matches now" in made[0].text
    assert "Pause" not in made[0].text
    [found] = [
        each for each in shop.notifier.scheduled("shop") if each.id == made[1].url.params["id"]
    ]
    assert found.starts_at == datetime(2027, 7, 1, 7, 30, tzinfo=UTC)
    listed = marketing.get("/pushes").text
    assert 'aria-label="Cancel the push of 2027-07-01 07:30:00"' in listed
    assert listed.count(found.id) == 2, "it is linked and cancelled, and not listed again below"
    assert "Cancel the push" not in read.get("/pushes").text
    assert read.post("/push/steer", id=found.id, do="cancel").status_code == 403
    assert "Cancelled" in marketing.post("/push/steer", id=found.id, do="cancel").text
    assert shop.notifier.status(found.id).state == "cancelled"
    assert found.id not in {each.id for each in shop.notifier.scheduled()}


def test_a_start_that_no_clock_shows_is_refused_and_one_that_has_passed_is_now(
    marketing: Operator,
) -> None:
    def tried(starts_at: str, zone: str = "Europe/Zagreb") -> Response:
        form = {"expression": "all", "title": "x", "starts_at": starts_at, "zone": zone}
        return marketing.post("/push/write", **form, **{"try": "yes"})

    for starts_at, zone, told in (
        ("2027-03-28T02:30", "Europe/Zagreb", "starts_at is skipped in Europe/Zagreb"),
        ("2027-03-28T01:30", "Mars/Base", "zone should be the name of a time zone"),
        ("2027-03-28T01:30", "../etc/passwd", "zone should be the name of a time zone"),
        ("soon", "UTC", "starts_at should be a time"),
        ("2027-03-27T01:30Z", "Europe/Zagreb", "starts_at should be a time"),
        ("2027-03-27", "Europe/Zagreb", "starts_at should be a time"),
        ("9999-12-31T23:59", "America/New_York", "starts_at should be a time"),
        ("2031-03-28T01:30", "UTC", "starts_at takes at most 366 days ahead"),
    ):
        refused = tried(starts_at, zone)
        assert (refused.status_code, told in refused.text) == (400, True)
    twice = tried("2027-10-31T02:30")
    assert "2027-10-31 00:30:00</time> UTC" in twice.text, "the first of both"
    passed = tried("2026-01-01T09:00", "UTC").text
    assert "it would leave at once" in passed
    assert "Send now" in passed


def test_a_scheduled_push_whose_audience_is_gone_says_so(shop: Shop, marketing: Operator) -> None:
    shop.people.define_segment("shop", "brief", "all")
    at = shop.clock() + timedelta(days=1)
    made = shop.notifier.dispatch("shop", "segment:brief", Message("x"), starts_at=at)
    shop.people.remove_segment("shop", "brief")
    assert "UNKNOWN_SEGMENT" in marketing.get("/push", id=made.id).text
    shop.notifier.cancel(made.id)


def test_values_of_attributes_are_masked_in_audiences(shop: Shop, url: str) -> None:
    secret = "(attr.plan:gold or attr.plan:goldsmith) and iattr.room:12 and not email:ali@x.com"
    shop.people.define_segment("shop", "secret", secret)
    admin, read = Operator(url, shop.keys["admin"]), Operator(url, shop.keys["read"])
    shown = "(attr.plan:••• or attr.plan:•••) and iattr.room:••• and not email:a•••@x.com"
    for operator, seen, unseen in ((admin, secret, shown), (read, shown, secret)):
        page = operator.get("/audience").text
        assert seen in page
        assert unseen not in page
        assert ("attr.plan:gold" in page) == (operator is admin)  # also not offered


def test_a_push_is_paused_resumed_and_cancelled(shop: Shop, url: str) -> None:
    marketing, bank = Operator(url, shop.keys["marketing"]), Operator(url, shop.keys["bank"])
    form = {"expression": "tag:nobody", "title": "x", "once": "once-2", "sure": "yes"}
    name = marketing.post("/push/send", **form).url.params["id"]
    assert bank.get("/push", id=name).status_code == 404
    assert bank.post("/push/steer", id=name, do="cancel").status_code == 404
    for do, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        marketing.post("/push/steer", id=name, do=do)
        assert shop.notifier.status(name).state == state


EXPLAINED = "email:ali@example.com or external_id:ali or attr.plan:gold or tag:vip"


@pytest.mark.parametrize("role", ["read", "support", "marketing", "admin"])
def test_an_explanation_shows_no_masked_role_what_it_did_not_type(
    shop: Shop, url: str, role: str
) -> None:
    shop.people.define_segment("shop", "unseen", EXPLAINED)
    operator = Operator(url, shop.keys[role])

    def told(expression: str) -> str:
        page = operator.post("/audience", expression=expression, installation="ali-phone")
        assert page.status_code == 200
        return page.text.partition("Why ")[2].partition("Saved segments")[0]

    hidden = ("email:ali@example.com", "external_id:ali", "attr.plan:gold")
    masks = ("email:a•••@example.com", "external_id:a•••", "attr.plan:•••")
    masked = role in {"read", "marketing"}
    of_segment = told("segment:unseen")
    assert [each for each in hidden if each in of_segment] == ([] if masked else [*hidden])
    assert [each for each in masks if each in of_segment] == ([*masks] if masked else [])
    assert "tag:vip" in of_segment
    # What the operator has typed stands there as typed, and first: else it would be a measure of
    # the others.
    rows = re.findall(r"<code><bdi>([^<]*)</bdi>", told("external_id:zoe or segment:unseen"))
    assert len(rows) == 5
    if masked:
        assert rows[0] == "external_id:zoe"
    # The code points of a value spell it out.
    for expression, points in (("external_id:Ali", "U+0061"), ("tag:VIP", "U+0076")):
        look_alike = told(expression)
        assert expression in look_alike
        assert ("a held value looks alike" in look_alike) == masked
        assert (points in look_alike) != masked
    shop.people.remove_segment("shop", "unseen")
