"""Who gets into the portal, what each role may do, and what browsers are told."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from addressee.adapters.portal import PortalSettings, mount_portal
from addressee.adapters.portal.access.sessions import Session, Sessions
from addressee.adapters.portal.access.signed_cookies import digest
from addressee.application import History, issue_key
from addressee.domain import StoreUnavailable
from tests.patience import wait_until
from tests.servers.chromium import served

from .shop import Shop
from .visits import Operator


def test_without_a_session_every_page_asks_to_sign_in(shop: Shop, url: str) -> None:
    stranger = Operator(url)
    for path in ("/", f"/person?id={shop.persons['ali']}", "/installation?id=counter"):
        answer = stranger.get(path)
        assert answer.url.path == "/portal/sign-in", path
        assert "ali" not in answer.text.replace("initial", "")
    refused = stranger.post("/find", q="ali")
    assert refused.status_code == 401
    assert "Your session has ended" in refused.text


def test_any_parameter_of_a_visitor_survives_the_sign_in(url: str) -> None:
    stranger = Operator(url)
    for name in ("path", "self", "query", "next"):
        answer = stranger.get(f"/?{name}=x")
        assert (answer.status_code, answer.url.path) == (200, "/portal/sign-in"), name
        assert answer.url.params["next"] == f"/?{name}=x"


@pytest.mark.parametrize("key", ["backend", "made up", "other secret"])
def test_what_is_no_operators_key_opens_nothing(shop: Shop, url: str, key: str) -> None:
    name, _, _ = shop.keys["admin"].partition(".")
    presented = {"backend": shop.keys["backend"], "other secret": f"{name}.wrong"}.get(key, key)
    visitor = Operator(url, presented)
    assert visitor.signed.status_code == 401
    assert presented not in visitor.signed.text
    assert visitor.get("/").url.path == "/portal/sign-in"


def test_the_address_without_the_slash_leads_to_the_portal(url: str) -> None:
    assert Operator(url).http.get("/portal").url.path == "/portal/sign-in"


def test_an_operators_key_opens_the_portal_and_no_api(shop: Shop, url: str) -> None:
    for role in ("read", "support", "marketing"):
        operator = Operator(url, shop.keys[role])
        assert operator.signed.url.path == "/portal/"
        asked = operator.http.get(
            "/v1/applications", headers={"Authorization": f"App {shop.keys[role]}"}
        )
        assert (asked.status_code, asked.json()["code"]) == (403, "FORBIDDEN")


def test_sign_in_leads_to_the_page_that_was_asked_for_and_to_no_other_host(
    shop: Shop, url: str
) -> None:
    for asked, reached in (
        ("/installation?id=counter", f"{url}/portal/installation?id=counter"),
        ("//evil.example/", f"{url}/portal/"),
        ("/\\evil.example/", f"{url}/portal/"),
        ("https://evil.example/", f"{url}/portal/"),
    ):
        operator = Operator(url)
        operator.get("/sign-in", next=asked)
        answer = operator.post("/sign-in", name="mia", key=shop.keys["read"], next=asked)
        assert str(answer.url) == reached


def test_a_session_ends_when_it_is_unused_when_it_is_old_and_when_its_key_is_revoked() -> None:
    shop = Shop()
    with served(shop.app) as url:
        operator = Operator(url, shop.keys["admin"])
        began = shop.clock.now
        while operator.get("/").url.path == "/portal/":
            shop.clock.move(minutes=25)
        assert timedelta(hours=12) < shop.clock.now - began < timedelta(hours=13)
        operator = Operator(url, shop.keys["admin"])
        assert operator.get("/").url.path == "/portal/"
        shop.clock.move(minutes=31)
        assert operator.get("/").url.path == "/portal/sign-in"
        refused = operator.post("/person/sign-out", id=shop.persons["ali"])
        assert refused.status_code == 401
        assert History(shop.store).devices(shop.persons["ali"])
        key = issue_key(shop.store.applications, "shop", "support")
        operator = Operator(url, key)
        shop.store.applications.remove_key(key.partition(".")[0])
        # A running service remembers a key for at most a second.
        shop.app.state.service.configured = type(shop.app.state.service.configured)(
            shop.store.applications
        )
        assert operator.get("/").url.path == "/portal/sign-in"


def test_a_session_that_was_altered_counts_for_nothing(shop: Shop, url: str) -> None:
    operator = Operator(url, shop.keys["read"])
    [cookie] = operator.http.cookies.jar
    assert cookie.value is not None
    content, _, signature = cookie.value.partition(".")
    for altered in (f"x{content}.{signature}", f"{content}.{signature[:-1]}x", content, "."):
        operator.http.cookies.set("addressee", altered, domain=cookie.domain)
        assert operator.get("/").url.path == "/portal/sign-in"


def test_a_form_without_the_token_of_its_session_changes_nothing(shop: Shop, url: str) -> None:
    operator, other = Operator(url, shop.keys["admin"]), Operator(url, shop.keys["admin"])
    before = len(History(shop.store).person(shop.persons["ali"]))
    for token in ("", "0" * 64, other.token):
        operator.token = token
        refused = operator.post("/person/sign-out", id=shop.persons["ali"])
        assert refused.status_code == 403
        assert "no longer valid" in refused.text
    assert len(History(shop.store).person(shop.persons["ali"])) == before


def test_a_role_does_only_what_it_may(shop: Shop, url: str) -> None:
    ali = shop.persons["ali"]
    for role in ("read", "marketing"):
        operator = Operator(url, shop.keys[role])
        page = operator.get("/person", id=ali)
        assert "Sign out everywhere" not in page.text
        refused = operator.post("/person/sign-out", id=ali)
        assert refused.status_code == 403
        assert "Your role may not do this" in refused.text
    assert History(shop.store).devices(ali) == ["ali-phone", "ali-tablet"]


def test_personal_data_is_masked_for_roles_that_may_not_see_it(shop: Shop, url: str) -> None:
    ali = shop.persons["ali"]
    for role, masked in (("read", True), ("marketing", True), ("support", False), ("admin", False)):
        operator = Operator(url, shop.keys[role])
        texts = operator.get("/person", id=ali, all="1").text
        texts += operator.get("/installation", id="dana-phone").text
        for value in ("ali@example.com", "gold", "Phone of Dana", "vip", "Android", "20.1"):
            assert (value not in texts) == masked, (role, value)
        assert "token-of-dana-phone" not in texts


def test_another_applications_persons_and_devices_are_not_found(shop: Shop, url: str) -> None:
    operator, zoe = Operator(url, shop.keys["admin"]), shop.persons["zoe"]
    for name in ("zoe", "zoe@example.com", zoe, "bank-phone"):
        assert operator.post("/find", q=name).status_code == 404
    for path in (f"/person?id={zoe}", "/installation?id=bank-phone"):
        assert operator.get(path).status_code == 404
    assert operator.post("/person/sign-out", id=zoe).status_code == 404
    assert History(shop.store).devices(zoe) == ["bank-phone"]


def test_the_cookie_is_for_this_host_over_tls_and_out_of_scripts_reach() -> None:
    shop = Shop(secure=True)
    with served(shop.app) as url:
        given = Operator(url).get("/sign-in").headers["set-cookie"]
    assert given.startswith("__Host-addressee=")
    for flag in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert flag in given


def test_every_response_forbids_what_pages_do_not_need(shop: Shop, url: str) -> None:
    operator = Operator(url, shop.keys["read"])
    for path in ("/", "/sign-in", "/installation?id=counter", "/nothing", "/static/style.css"):
        headers = operator.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert operator.get("/").headers["cache-control"] == "no-store"


def test_no_page_has_an_inline_script_style_or_handler(shop: Shop, url: str) -> None:
    operator = Operator(url, shop.keys["admin"])
    for path in ("/", f"/person?id={shop.persons['mallory']}", "/installation?id=evil-phone"):
        text = operator.get(path).text
        assert re.findall(r"<script(?![^>]* src=)|<style|<[^>]+ (?:on\w+|style)=", text) == []
        assert "&lt;script&gt;" in text or path == "/"


def test_no_session_is_signed_by_a_key_that_exports_carry(shop: Shop, url: str) -> None:
    name = shop.keys["admin"].partition(".")[0]
    now = shop.clock.now
    for secret in (
        shop.store.identifier_key,
        digest(shop.store.identifier_key, "addressee portal session"),
    ):
        forger = Sessions(secret, shop.clock, timedelta(hours=1), timedelta(hours=1))
        forged = Session("attacker", int(now.timestamp()), int(now.timestamp()), name, "mia")
        visitor = Operator(url)
        visitor.http.cookies.set("addressee", forger.signed(forged))
        assert visitor.get("/").url.path == "/portal/sign-in"


def test_a_new_secret_ends_all_sessions() -> None:
    shop = Shop()
    with served(shop.app) as url:
        operator = Operator(url, shop.keys["admin"])
        assert operator.get("/").url.path == "/portal/"
        shop.store.applications.session_secret(renew=True)
        # A running service remembers the secret for at most a second.
        service = shop.app.state.service
        service.configured = type(service.configured)(shop.store.applications)
        assert operator.get("/").url.path == "/portal/sign-in"


def test_what_a_late_response_or_a_thief_brings_back_is_no_session(shop: Shop, url: str) -> None:
    operator = Operator(url, shop.keys["admin"])
    shop.clock.move(minutes=2)  # the response renews the cookie
    [late] = operator.get("/").headers.get_list("set-cookie")
    assert operator.post("/sign-out").url.path == "/portal/sign-in"
    value = late.partition("=")[2].partition(";")[0]
    operator.http.cookies.clear()
    operator.http.cookies.set("addressee", value)
    assert operator.get("/").url.path == "/portal/sign-in"
    assert Operator(url, shop.keys["admin"]).get("/").url.path == "/portal/"


def test_a_store_that_does_not_answer_is_told(
    shop: Shop, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise StoreUnavailable("a text that names a host")

    configured = shop.app.state.service.configured
    for name in ("session_secret", "has_ended", "key"):
        operator = Operator(url, shop.keys["admin"])
        with monkeypatch.context() as patched:
            patched.setattr(configured, name, fails)
            answer = operator.get("/")
        assert answer.status_code == 503, name
        assert "the store does not answer; try again" in answer.text
        assert "a text that names" not in answer.text


def test_a_browser_without_a_cookie_is_told_why(shop: Shop, url: str) -> None:
    mount_portal(shop.app, PortalSettings(), "/by-tls")
    visitor = Operator(url)
    for path, hint in (("/by-tls", "over TLS alone"), ("/portal", "Allow cookies")):
        visitor.http.get(f"{path}/sign-in")
        visitor.http.cookies.clear()
        answer = visitor.http.post(f"{path}/sign-in", data={"csrf": visitor.token})
        assert answer.status_code == 403
        assert hint in answer.text


def test_the_log_of_requests_names_the_portals_pages(
    shop: Shop, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "addressee.access"):
        Operator(url, shop.keys["admin"]).get("/installation", id="counter")
        httpx.get(f"{url}/v1/health")
        httpx.get(f"{url}/portal/nothing")
        wait_until(lambda: len(caplog.messages) >= 6, "all requests are logged")
    said = [" ".join(each.split()[:3]) for each in caplog.messages]
    for line in (
        "POST /portal/sign-in 303",
        "GET /portal/installation 200",
        "GET /v1/health 200",
        "GET none 404",
    ):
        assert line in said
