"""What the page about the store shows and does."""

from __future__ import annotations

import logging
import re
from threading import Event

from addressee.adapters.http import create_app
from addressee.adapters.portal import Maintenance, PortalSettings, mount_portal
from addressee.adapters.portal.background_jobs import Works
from addressee.adapters.portal.settings import Progress
from addressee.application import History
from addressee.domain import StoreUnavailable
from tests.patience import wait_until
from tests.servers.chromium import served

from .shop import START, Shop
from .visits import Operator

SECRET = re.compile(r'<code class="secret">([0-9a-f]{16}\.\S+)</code>')


def test_R60_a_key_is_made_shown_once_and_revoked_by_somebody(
    shop: Shop, url: str, admin: Operator
) -> None:
    made = admin.post("/operations/key", scope="support").text
    [key] = SECRET.findall(made)
    name = key.partition(".")[0]
    assert Operator(url, key).signed.url.path == "/portal/"
    page = admin.get("/operations").text
    assert name in page
    assert key not in page
    admin.post("/operations/revoke", name=name)
    assert shop.store.applications.key(name) is None
    done = [(type(e).__name__, e.actor) for _, e in History(shop.store).actions("shop", limit=2)]
    mia = f"operator:mia@{shop.keys['admin'][:16]}"
    assert done == [("KeyRevoked", mia), ("KeyIssued", mia)]
    page = admin.get("/operations").text
    assert "Key revoked" in page
    assert f"by <bdi>{mia}</bdi>" in page


def test_R60_pushes_and_works_of_operators_are_listed_and_only_to_those_who_run_the_store(
    shop: Shop, url: str, admin: Operator
) -> None:
    marketing = Operator(url, shop.keys["marketing"])
    sent = marketing.post("/push/send", expression="all", title="Sale", once="o1", sure="1")
    dispatch = sent.url.params["id"]
    for _ in range(2):
        marketing.post("/push/steer", id=dispatch, do="cancel")
    admin.post("/operations/work", work="check")
    history = History(shop.store)
    done = [(type(e).__name__, e.actor) for _, e in history.actions("shop", whole=True, limit=3)]
    mia, boss = (f"operator:mia@{shop.keys[role][:16]}" for role in ("marketing", "admin"))
    assert done == [("WorkStarted", boss), ("PushChanged", mia), ("PushOrdered", mia)]
    page = admin.get("/operations").text
    for words in ("Work started", "Push steered", "Push ordered", mia):
        assert words in page
    for role in ("read", "support", "marketing"):
        assert "Last actions" not in Operator(url, shop.keys[role]).get("/operations").text
    wait_until(lambda: "differences" in admin.get("/operations").text, "the check ends")


def test_no_operator_revokes_the_own_key_or_one_of_another_application(
    shop: Shop, admin: Operator
) -> None:
    own, others = (shop.keys[name].partition(".")[0] for name in ("admin", "bank"))
    assert admin.post("/operations/revoke", name=own).status_code == 400
    admin.post("/operations/revoke", name=others)
    assert shop.store.applications.key(own)
    assert shop.store.applications.key(others)


def test_only_admins_see_the_store_and_run_it(shop: Shop, url: str) -> None:
    for role in ("read", "support", "marketing"):
        operator = Operator(url, shop.keys[role])
        page = operator.get("/operations").text
        assert "Policies of shop" in page
        assert "settled position" not in page
        assert shop.keys["admin"][:16] not in page
        for path in ("/operations/key", "/operations/revoke", "/operations/work"):
            assert operator.post(path, scope="admin", work="check").status_code == 403


def test_secrets_of_an_application_are_not_shown(shop: Shop, admin: Operator) -> None:
    secret = bytes(range(64)).hex()
    before = shop.store.applications.get("shop")
    assert before is not None
    changed = before.model_copy(update={"jwt_keys": {"main": secret}})
    shop.store.applications.put(changed)
    page = admin.get("/operations").text
    shop.store.applications.put(before)
    assert secret not in page


def test_a_check_runs_and_says_what_it_found(admin: Operator) -> None:
    assert "Started." in admin.post("/operations/work", work="check").text
    wait_until(lambda: "no differences" in admin.get("/operations").text, "the work ends")
    assert "by <bdi>operator:mia@" in admin.get("/operations").text


def test_a_work_shows_its_progress_and_another_waits() -> None:
    go, seen = Event(), Event()

    def rebuild(progress: Progress) -> str:
        progress(3, 10)
        seen.set()
        go.wait(60)
        return "rebuilt"

    shop = Shop()
    app = create_app(shop.store, shop.store.applications)
    settings = PortalSettings(secure=False, maintenance=Maintenance({"rebuild": rebuild}))
    mount_portal(app, settings)
    with served(app) as url:
        admin = Operator(url, shop.keys["admin"])
        admin.post("/operations/work", work="rebuild")
        assert seen.wait(60)
        page = admin.get("/operations").text
        assert '<progress value="3" max="10">' in page
        assert ">Refresh</a>" in page
        assert "Another work runs" in admin.post("/operations/work", work="check").text
        go.set()
        wait_until(lambda: "rebuilt" in admin.get("/operations").text, "the work ends")


def test_a_work_that_fails_says_why() -> None:
    def rebuild(_: Progress) -> str:
        raise StoreUnavailable("gone")

    works = Works({"rebuild": rebuild}, lambda: START, logging.getLogger("test"))
    assert works.start("rebuild", "operator:mia")
    wait_until(lambda: works.states["rebuild"].ended is not None, "the work ends")
    assert works.states["rebuild"].failed
    assert "gone" in works.states["rebuild"].result
    assert not works.start("nothing", "operator:mia")
