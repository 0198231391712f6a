"""Merging, exporting and erasing persons in the portal."""

from __future__ import annotations

import io
import re
import zipfile

from addressee.adapters.http import create_app
from addressee.adapters.portal import PortalSettings, mount_portal
from addressee.application import History, Identity
from addressee.domain.events import PersonErased, PersonExported, PersonsMerged
from tests.servers.chromium import served

from .shop import Shop
from .visits import Operator

HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


def two(shop: Shop, name: str) -> tuple[str, str]:
    """Return the ids of two new persons, of whom the first has an external id."""
    for device in (f"{name}-1", f"{name}-2"):
        shop.people.register("shop", installation=device, actor="device")
    first = shop.people.personalize(f"{name}-1", shop.identity(name), actor="device").person
    other = shop.people.update_person(f"{name}-2", attributes={"plan": "gold"}, actor="device")
    assert other.position
    return first, str(History(shop.store).who(f"{name}-2"))


def form_of(page: str) -> dict[str, str]:
    """Return the hidden fields of a page's last form."""
    return dict(HIDDEN.findall(page.rpartition("<form")[2]))


def test_two_persons_are_merged_after_a_preview_and_taken_apart(shop: Shop, url: str) -> None:
    support = Operator(url, shop.keys["support"])
    first, other = two(shop, "merged")
    email = Identity(emails=["merged-2@example.com"])
    shop.people.update_person("merged-2", email, actor="device")
    preview = support.post("/person/merge/find", id=first, other="merged-2@example.com")
    # No URL has what names a person: it would stand in logs and histories of browsers.
    assert dict(preview.url.params) == {"id": first, "other": other}
    page = preview.text
    assert "I have compared them" in page
    form = form_of(page)
    assert support.post("/person/merge", **form).status_code == 400  # the box is not checked
    done = support.post("/person/merge", **form, sure="yes", reason="T-9")
    assert "The persons are merged." in done.text
    event, _ = [e for _, e in History(shop.store).person(first) if isinstance(e, PersonsMerged)]
    assert done.text.count("Take this merge back") == 1
    assert event.actor.startswith("operator:mia@")
    assert support.get("/person", id=other).text.count(first) > 1
    page = support.get("/person/unmerge", merge=event.merge).text
    done = support.post("/person/unmerge", **form_of(page), sure="yes")
    assert "The merge was taken back." in done.text
    assert History(shop.store).devices(other) == ["merged-2"]


def test_a_merge_after_something_has_changed_is_refused(shop: Shop, admin: Operator) -> None:
    first, other = two(shop, "stale")
    form = form_of(admin.get("/person/merge", id=first, other=other).text)
    shop.people.tag(other, add={"new"}, actor="backend")
    refused = admin.post("/person/merge", **form, sure="yes")
    assert refused.status_code == 409
    assert History(shop.store).devices(other) == ["stale-2"]


def test_persons_with_two_external_ids_are_merged_for_a_reason_only(
    shop: Shop, admin: Operator
) -> None:
    first, _ = two(shop, "forced")
    ali = shop.persons["ali"]
    page = admin.get("/person/merge", id=first, other=ali).text
    assert "Each has an external id" in page
    assert admin.post("/person/merge", **form_of(page), sure="yes").status_code == 409


def test_an_export_is_a_zip_and_recorded(shop: Shop, url: str) -> None:
    support = Operator(url, shop.keys["support"])
    given = support.post("/person/export", id=shop.persons["ali"])
    with zipfile.ZipFile(io.BytesIO(given.content)) as archive:
        assert "manifest.json" in archive.namelist()
    last = History(shop.store).person(shop.persons["ali"])[-1].event
    assert isinstance(last, PersonExported)
    assert last.actor.startswith("operator:mia@")
    reader = Operator(url, shop.keys["read"])
    assert reader.post("/person/export", id=shop.persons["ali"]).status_code == 403


def test_a_person_is_erased_after_a_dry_run_by_an_admin_only(shop: Shop, url: str) -> None:
    person, _ = two(shop, "erased")
    support, admin = Operator(url, shop.keys["support"]), Operator(url, shop.keys["admin"])
    assert support.get("/person/erase", id=person).status_code == 403
    assert support.post("/person/erase", id=person, sure="yes").status_code == 403
    tried = admin.get("/person/erase", id=person).text
    assert "What would be destroyed" in tried
    assert admin.post("/person/erase", id=person).status_code == 400  # the box is not checked
    assert History(shop.store).devices(person) == ["erased-1"]
    done = admin.post("/person/erase", id=person, sure="yes", reason="article 17")
    assert "The person is erased" in done.text
    assert "Fingerprint of the keys" in done.text
    [event] = [e for _, e in History(shop.store).person(person) if isinstance(e, PersonErased)]
    assert event.actor.startswith("operator:mia@")
    assert admin.post("/find", q="erased").status_code == 404
    page = admin.get("/person", id=person).text
    assert "Person · erased" in page
    assert f"{event.timestamp:%Y-%m-%d %H:%M:%S}" in page.partition("Erased on")[2][:120]
    assert event.fingerprint in page.partition("Identifiers")[0]
    assert "unidentified lead" not in page


def test_an_unknown_person_is_not_merged(shop: Shop, admin: Operator) -> None:
    first, _ = two(shop, "alone")
    assert admin.get("/person/merge", id=first, other="nobody").status_code == 404
    assert admin.post("/person/merge/find", id=first, other="nobody").status_code == 404


def test_nobody_exports_what_is_masked_for_them(shop: Shop) -> None:
    app = create_app(shop.store, shop.store.applications, clock=shop.clock)
    settings = PortalSettings(secure=False, masked={"read", "support"})
    mount_portal(app, settings)
    with served(app) as url:
        support = Operator(url, shop.keys["support"])
        assert "Export as ZIP" not in support.get("/person", id=shop.persons["ali"]).text
        assert support.post("/person/export", id=shop.persons["ali"]).status_code == 403
