"""Operators sign in at an identity provider, in the role that its groups have."""

from __future__ import annotations

import pytest

from addressee.adapters.portal.oidc.pending_sign_in import ROOM, UNDER_WAY
from addressee.application import History
from tests.acceptance.portal.visits import Operator

from .conftest import COOKIE, START, House, begun


def test_R29_an_operator_acts_under_the_name_that_the_provider_vouches_for(
    house: House, visitor: Operator
) -> None:
    page = visitor.get("/sign-in", next="/person?id=x")
    assert "Sign in to shop" in page.text
    dana = house.shop.persons["dana"]
    reached = visitor.get(START, application="shop", next=f"/person?id={dana}")
    assert str(reached.url) == f"{house.url}/portal/person?id={dana}"
    assert "dana@example.com" in reached.text
    assert visitor.post("/person/sign-out", id=dana).status_code == 200
    [*_, (_, event)] = History(house.shop.store).person(dana)
    assert event.actor == "operator:mia"
    [exchange] = house.provider.exchanges
    assert exchange["redirect_uri"] == f"{house.url}/portal/sign-in/callback"


@pytest.mark.parametrize(
    ("groups", "application", "role"),
    [
        (["desk"], "shop", "support"),
        (["crm", "desk"], "shop", "marketing"),
        (["desk", "ops", "crm"], "shop", "admin"),
        ("ops", "shop", "admin"),
        (["owners"], "bank", "read"),
        (["desk"], "bank", None),
        (["nobody's"], "shop", None),
        ([["ops"], 7, None], "shop", None),
        ({"ops": True}, "shop", None),
        (None, "shop", None),
    ],
)
def test_the_highest_role_of_the_groups_counts_and_without_one_nobody_enters(
    house: House, visitor: Operator, groups: object, application: str, role: str | None
) -> None:
    house.provider.person |= {"groups": groups}
    reached = visitor.get(START, application=application)
    if role is None:
        assert reached.status_code == 403
        assert f"none of your groups has a role in {application}" in reached.text
        assert visitor.get("/").url.path == "/portal/sign-in"
    else:
        assert f"<bdi>mia</bdi> <small>{role}</small>" in reached.text
        assert f'title="The application that you are signed in to">{application}<' in reached.text


def test_an_operator_is_found_under_the_name_of_a_claim_and_under_no_keys(
    house: House, visitor: Operator
) -> None:
    key = house.shop.keys["admin"].partition(".")[0]
    alike = "mia ", " mia", "\uff4dia", "zoe\u0308"
    for name in (f"mia@{key}", "", "a\nb", "x" * 201, 7, None, *alike):
        house.provider.person["preferred_username"] = name
        refused = visitor.get(START, application="shop")
        assert refused.status_code == 401, name
        assert visitor.get("/").url.path == "/portal/sign-in"
    house.provider.person["preferred_username"] = "mia@shop.example"
    assert "<bdi>mia@shop.example</bdi>" in visitor.get(START, application="shop").text


def test_an_unverified_email_names_nobody(house: House) -> None:
    house.mount("/by-email", name="email")
    for verified, status in ((False, 401), ("true", 401), (None, 401), (True, 200)):
        house.provider.person |= {"email": "mia@shop.example", "email_verified": verified}
        visitor = Operator(house.url)
        reached = visitor.http.get(f"/by-email{START}", params={"application": "shop"})
        assert reached.status_code == status, verified


def test_signing_out_ends_the_providers_session_too(house: House, visitor: Operator) -> None:
    visitor.get(START, application="shop")
    left = visitor.post("/sign-out")
    assert f'content="0; url={house.provider.url}/logout?client_id=' in left.text
    assert visitor.get("/").url.path == "/portal/sign-in"
    with_key = Operator(house.url, house.shop.keys["read"])
    assert with_key.post("/sign-out").url.path == "/portal/sign-in"


def test_a_provider_without_a_page_for_that_leaves_its_session(house: House) -> None:
    endpoints = {**house.provider.document_of_endpoints(), "end_session_endpoint": None}
    house.provider.discovery = endpoints
    house.mount("/no-end")
    visitor = Operator(house.url)
    visitor.get(START, application="shop")
    left = visitor.http.post("/no-end/sign-out", data={"csrf": visitor.token})
    assert "sign out there too" in left.text
    assert "http-equiv" not in left.text


def test_another_provider_in_the_settings_ends_the_sessions_of_the_earlier_one(
    house: House, visitor: Operator
) -> None:
    visitor.get(START, application="shop")
    for path, settings in (("/earlier", {}), ("/moved", {"issuer": "https://login.example"})):
        house.mount(path, **settings)
        asked = visitor.http.get(f"{path}/")
        assert asked.url.path == f"{path}/{'sign-in' if settings else ''}"


def test_a_role_that_the_settings_lose_ends_its_sessions(house: House, visitor: Operator) -> None:
    visitor.get(START, application="shop")
    for roles in ({"shop": {"admin": {"ops"}}}, {"bank": {"support": {"desk"}}}):
        path = f"/other-{len(roles)}-{next(iter(roles))}"
        house.mount(path, roles=roles)
        assert visitor.http.get(f"{path}/").url.path == f"{path}/sign-in"
    assert visitor.get("/").url.path == "/portal/"


def test_tabs_of_one_browser_are_at_the_provider_at_the_same_time(
    house: House, visitor: Operator
) -> None:
    pages = ["/find?q=first", "/find?q=second"]
    backs = [begun(visitor, page) for page in pages]
    for back, page in zip(backs, pages, strict=True):
        assert str(visitor.http.get(back).url) == f"{house.url}/portal{page}"
    assert not any(name.startswith(COOKIE) for name in visitor.http.cookies)


def test_sign_ins_under_way_are_bounded_in_number_and_bytes_and_the_oldest_go(
    house: House, visitor: Operator
) -> None:
    for following, most in (("/", UNDER_WAY), ("/" + "a" * 1900, 1 + ROOM // 3_000)):
        backs = list[str]()
        for _ in range(UNDER_WAY + 2):
            house.shop.clock.move(seconds=1)
            backs.append(begun(visitor, following))
        sent = {n: v for n, v in visitor.http.cookies.items() if n.startswith(COOKIE)}
        assert len(sent) == most
        assert sum(map(len, [*sent, *sent.values()])) <= ROOM + 4_096
        answers = [visitor.http.get(back).status_code for back in backs]
        assert [each == 401 for each in answers] == [n < len(backs) - most for n in range(7)]
        visitor.http.cookies.clear()


def test_R60_what_an_operator_does_to_the_store_has_the_name_that_the_provider_vouches_for(
    house: House, visitor: Operator
) -> None:
    house.provider.person |= {"groups": ["owners"]}
    visitor.get(START, application="shop")
    visitor.post("/operations/key", scope="read")
    [(_, event)] = History(house.shop.store).actions("shop", limit=1)
    assert (type(event).__name__, event.actor) == ("KeyIssued", "operator:mia")
