"""Audiences and pushes in the portal."""

from __future__ import annotations

import pytest

from addressee.application import Targeting
from addressee.domain import SegmentDefined

from .shop import EVIL, Shop
from .test_rights import form_of
from .visits import Operator


@pytest.fixture
def marketing(shop: Shop, url: str) -> Operator:
    return Operator(url, shop.keys["marketing"])


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
