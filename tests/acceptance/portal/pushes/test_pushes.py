"""Pushes in the portal: what they said, what was done with them, and forms that are sent again."""

from __future__ import annotations

import pytest

from addressee.application import Message
from tests.acceptance.portal.shop import Shop
from tests.acceptance.portal.test_rights import form_of
from tests.acceptance.portal.visits import Operator


@pytest.fixture
def marketing(shop: Shop, url: str) -> Operator:
    return Operator(url, shop.keys["marketing"])


def test_steering_a_push_that_has_ended_says_that_nothing_was_changed(
    shop: Shop, marketing: Operator
) -> None:
    for do in ("pause", "resume", "cancel"):
        told = marketing.post("/push/steer", id=shop.dispatch, do=do).text
        assert "Nothing was changed: the push had ended already" in told
        assert "no further batch leaves" not in told
        assert "Resumed." not in told
    waits = marketing.post("/push/steer", id=shop.scheduled, do="pause").text
    assert "until it starts it can only be cancelled" in waits
    stopped = shop.notifier.dispatch("shop", "tag:nobody", Message("x")).id
    shop.notifier.cancel(stopped)
    told = marketing.post("/push/steer", id=stopped, do="resume").text
    assert "Nothing was changed: the push had been cancelled already" in told


def test_the_page_of_a_push_says_what_it_said_to_those_who_see_personal_data(
    shop: Shop, url: str
) -> None:
    ali = shop.persons["ali"]
    push, device = f"/push?id={shop.dispatch}", "/installation?id=ali-phone&pushes=1"
    pages = ("/pushes", push, f"/person?id={ali}&pushes=1", device)
    for role in ("read", "support", "marketing", "admin"):
        operator = Operator(url, shop.keys[role])
        for path in pages:
            page = operator.get(path).text
            assert ("Winter sale" in page) == (role in {"support", "admin"}), (role, path)
            assert f"/push?id={shop.dispatch}" in page or path.startswith("/push?")
        assert ("20 % off today" in operator.get(push).text) == (role in {"support", "admin"})
    silent = shop.notifier.dispatch("shop", "tag:nobody", Message(data={"a": "b"})).id
    support = Operator(url, shop.keys["support"])
    assert "Silent: data for the app alone" in support.get("/push", id=silent).text
    assert shop.notifier.messages([silent, "unknown"], within="bank") == {}
    assert [*shop.notifier.messages([silent, "unknown"])] == [silent]
    shop.notifier.cancel(silent)


def test_a_form_that_was_sent_can_be_changed_and_sent_as_another_push(
    shop: Shop, marketing: Operator
) -> None:
    given = {"expression": "tag:vip", "title": "A", "zone": "UTC", "try": "yes"}
    first = form_of(marketing.post("/push/write", **given).text)
    sent = marketing.post("/push/send", **first, sure="yes")
    other = {**given, "title": "B", "once": first["once"]}
    again = form_of(marketing.post("/push/write", **other).text)
    second = marketing.post("/push/send", **again, sure="yes")
    assert second.status_code == 200
    assert second.url != sent.url
    assert marketing.post("/push/send", **first, sure="yes").url == sent.url, "and A is sent once"
    shop.notifier.cancel(sent.url.params["id"])
    told = marketing.post("/push/send", **first, sure="yes").text
    assert "This form was sent before" in told
    shop.notifier.cancel(second.url.params["id"])


def test_a_push_whose_audience_is_wrong_keeps_what_was_written(marketing: Operator) -> None:
    given = {"title": "My title", "body": "My text", "zone": "Europe/Zagreb", "once": "kept"}
    for expression in ("tag:(", "segment:none"):
        for path in ("/push/write", "/push/send"):
            form = {**given, "expression": expression, "try": "yes", "sure": "yes"}
            answer = marketing.post(path, **form)
            assert 400 <= answer.status_code < 500
            assert answer.text.count('role="alert"') == 1
            assert "expression-problem" in answer.text
            for kept in (expression, "My title", "My text", '"kept"', "selected>Europe/Zagreb"):
                assert kept in answer.text, (expression, path, kept)
