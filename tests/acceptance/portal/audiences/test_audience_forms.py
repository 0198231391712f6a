"""What the form of an audience keeps, tells and asks when something is wrong with it."""

from __future__ import annotations

import re

import httpx
import pytest

from addressee.application import Targeting
from addressee.domain import StoreUnavailable

from ..shop import Shop
from ..test_rights import form_of
from ..visits import Operator


def values_of(page: str, name: str) -> list[str]:
    """Return the values of a page's inputs of that name."""
    return re.findall(f'<input[^>]* name="{name}"[^>]* value="([^"]*)"', page)


@pytest.mark.parametrize(
    ("changed", "status", "told"),
    [
        ({"expression": "segment:none"}, 409, "segment none is not defined"),
        ({"expression": "attr.secret:1"}, 400, "names an attribute that is not indexed"),
        ({"expression": "tag:"}, 400, "Column 5:"),
        ({"installation": "nothing"}, 404, "installation nothing is not registered"),
        ({"installation": "x" * 300}, 400, "installation takes"),
        ({"at": "soon"}, 400, "at should be a time"),
    ],
)
def test_what_was_typed_stays_when_a_part_of_it_is_wrong(
    marketing: Operator, changed: dict[str, str], status: int, told: str
) -> None:
    form = {"expression": "tag:vip and tag:news", "installation": "ali-phone", "segment": "fans"}
    answer = marketing.post("/audience", **{**form, **changed})
    assert answer.status_code == status
    assert told in answer.text.partition('role="alert"')[2]
    assert answer.text.count('aria-invalid="true"') == 1
    expected = {**form, **changed}
    for name in form:
        assert values_of(answer.text, name) == [expected[name]]


@pytest.mark.parametrize(
    ("expression", "name", "told"),
    [
        ("all", "a:b", "name should have no colon"),
        ("all", "", "name takes 1 to 100 characters"),
        ("all", "n" * 101, "name takes 1 to 100 characters"),
        ("tag:vip or segment:regulars", "regulars", "segment regulars contains itself"),
        ("segment:none", "fans", "segment none is not defined"),
        ("tag:(", "fans", "Column 5:"),
    ],
)
def test_a_segment_that_cannot_be_saved_leaves_what_was_typed(
    shop: Shop, marketing: Operator, expression: str, name: str, told: str
) -> None:
    before = Targeting(shop.store).segments("shop")
    form = {"segment": name, "expression": expression, "replaces": "tag:vip or tag:news"}
    answer = marketing.post("/audience/segment", **form)
    assert answer.status_code in {400, 409}
    assert told in answer.text.partition('role="alert"')[2]
    assert set(values_of(answer.text, "expression")) == {expression}
    assert set(values_of(answer.text, "segment")) == {name}
    assert Targeting(shop.store).segments("shop") == before


def test_a_store_that_does_not_answer_tells_the_script_nothing_of_itself(
    marketing: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> int:
        raise StoreUnavailable("the host db-7")

    monkeypatch.setattr(Targeting, "count", gone)
    for path in ("/audience", "/audience/count"):
        answer = marketing.post(path, expression="all")
        assert answer.status_code == 503
        assert "db-7" not in answer.text


def test_a_segment_is_replaced_only_by_who_has_seen_what_it_was(
    shop: Shop, marketing: Operator
) -> None:
    def saved() -> str:
        return Targeting(shop.store).segments("shop")["kept"]

    def save(expression: str, **more: str) -> httpx.Response:
        return marketing.post("/audience/segment", segment="kept", expression=expression, **more)

    assert "The segment is saved." in save("tag:vip").text
    assert "The segment is saved." in save("  tag:vip ").text, "it is the same"
    asks = save("tag:news")
    assert (asks.status_code, saved()) == (409, "tag:vip")
    assert "as <code><bdi>tag:vip</bdi></code>" in asks.text
    form = form_of(asks.text)
    assert form["replaces"] == "tag:vip"
    shop.people.define_segment("shop", "kept", "os:ios")  # somebody else, meanwhile
    again = marketing.post("/audience/segment", **form)
    assert (again.status_code, saved()) == (409, "os:ios")
    assert (
        "The segment is saved." in marketing.post("/audience/segment", **form_of(again.text)).text
    )
    assert saved() == "tag:news"
    shop.people.remove_segment("shop", "kept")


def test_the_script_gets_a_sample_masked_as_on_the_page(shop: Shop, url: str) -> None:
    for role, label in (("marketing", "a•••"), ("admin", "ali")):
        operator = Operator(url, shop.keys[role])
        found = operator.post("/audience/sample", expression="external_id:ali").json()["sample"]
        assert found[0] == {"device": "ali-phone", "person": label}
    everybody = {"expression": "all", "include_disabled": "yes"}
    admin = Operator(url, shop.keys["admin"])
    assert len(admin.post("/audience/sample", **everybody).json()["sample"]) == 5
    assert "problem" in admin.post("/audience/sample", expression="tag:(").json()
