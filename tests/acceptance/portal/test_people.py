"""Finding persons and devices, and what their pages say and do."""

from __future__ import annotations

import re

from addressee.application import History, Identity, Targeting
from tests.servers.chromium import served

from .shop import Shop
from .visits import Operator


def external_id(name: str) -> Identity:
    return Identity(external_id=name)


def email(address: str) -> Identity:
    return Identity(emails=[address])


def test_one_field_finds_persons_and_devices_by_all_that_names_them(
    shop: Shop, admin: Operator
) -> None:
    ali = shop.persons["ali"]
    for query in ("ali", "ali@example.com", " ALI@example.com ", ali):
        assert admin.post("/find", q=query).url.params["id"] == ali, query
    assert admin.post("/find", q="counter").url.path == "/portal/installation"
    missing = admin.post("/find", q="+385 91 000 000")
    assert missing.status_code == 404
    assert "Nobody and nothing has this name" in missing.text


def test_a_name_that_means_several_things_lists_them(shop: Shop, admin: Operator) -> None:
    shop.people.register("shop", installation="twice", actor="device")
    made = shop.people.personalize("twice", external_id("twice"), actor="device")
    found = admin.post("/find", q="twice")
    assert "2 matches" in found.text
    assert f"id={made.person}" in found.text
    assert "id=twice" in found.text


def test_an_identifier_that_moved_on_leads_to_its_holder_first(shop: Shop, admin: Operator) -> None:
    people = shop.people
    people.register("shop", installation="mover", actor="device")
    first = people.personalize("mover", email("moved@example.com"), actor="device").person
    people.update_person("mover", remove=email("moved@example.com"), actor="device")
    found = admin.post("/find", q="moved@example.com")
    assert found.url.params["id"] == first  # the former holder is the only one
    people.register("shop", installation="taker", actor="device")
    second = people.personalize("taker", email("moved@example.com"), actor="device").person
    found = admin.post("/find", q="moved@example.com")
    assert re.findall(r"/person\?id=(\w+)", found.text) == [second, first]
    assert "held this e-mail address earlier" in found.text


def test_the_page_of_a_person_shows_what_was_true_at_a_past_moment(
    shop: Shop, admin: Operator
) -> None:
    bea = shop.persons["bea"]
    now, then = admin.get("/person", id=bea), admin.get("/person", id=bea, at="2026-11-21T00:00:00")
    assert "Signed in on no device" not in now.text
    assert "Signed in on no device at that moment" in then.text
    assert "Sign out everywhere" not in then.text
    early = admin.get("/person", id=bea, at="2020-01-01T00:00")
    assert "Not known at that moment" in early.text
    assert admin.get("/person", id=bea, at="yesterday").status_code == 400


def test_the_page_of_a_device_says_who_held_it_and_when(shop: Shop, admin: Operator) -> None:
    page = admin.get("/installation", id="counter").text
    assert page.count('class="bar ') == 3
    assert "2 persons held this device" in page
    then = admin.get("/installation", id="counter", at="2026-11-21T14:00:00").text
    assert f"id={shop.persons['chen']}" in then
    assert "Not registered" in admin.get("/installation", id="counter", at="2020-01-01T00:00").text


def test_the_page_of_a_device_says_why_no_push_reaches_it(shop: Shop, admin: Operator) -> None:
    assert "Push switched on in the app: no" in admin.get("/installation", id="dana-phone").text
    shop.people.register("shop", installation="gone", actor="device")
    shop.people.expire("gone", reason="unregistered", actor="device")
    gone = admin.get("/installation", id="gone").text
    assert "It expired: unregistered." in gone
    assert "Push address known: no" in gone


def test_pushes_that_a_person_received_are_listed_when_asked_for(
    shop: Shop, admin: Operator
) -> None:
    ali, bea, push = shop.persons["ali"], shop.persons["bea"], f"/push?id={shop.dispatch}"
    page = admin.get("/person", id=ali).text
    assert "Show the pushes received" in page
    assert push not in page
    listed = admin.get("/person", id=ali, pushes="1").text
    assert listed.partition("Pushes received")[2].count(push) == 2
    assert push not in admin.get("/person", id=bea, pushes="1").text


def test_an_operator_signs_a_person_out_of_one_device_and_of_all(shop: Shop, url: str) -> None:
    people, support = shop.people, Operator(url, shop.keys["support"], "noa")
    for name in ("lost-1", "lost-2", "lost-3"):
        people.register("shop", installation=name, push_token=name, actor="device")
        people.personalize(name, external_id("loser"), actor="device")
    person = History(shop.store).who("lost-1")
    assert person is not None
    done = support.post("/person/sign-out", id=person, installation="lost-1", reason="T-17")
    assert "Signed out of the device." in done.text
    assert Targeting(shop.store).count("shop", "external_id:loser") == 2
    again = support.post("/person/sign-out", id=person, installation="lost-1")
    assert "signed out of that device already" in again.text
    assert "T-17" in support.get("/person", id=person).text
    assert "T-17" not in Operator(url, shop.keys["read"]).get("/person", id=person).text
    last = History(shop.store).installation("lost-1")[-1].event
    key = shop.keys["support"].partition(".")[0]
    assert (last.actor, last.correlation_id) == (f"operator:noa@{key}", "T-17")
    assert "operator:noa@" in done.text
    done = support.post("/person/sign-out", id=person)
    assert "Signed out of every device of this application." in done.text
    assert Targeting(shop.store).count("shop", "external_id:loser") == 0


def test_a_device_that_changed_hands_meanwhile_stays_signed_in(shop: Shop, admin: Operator) -> None:
    people = shop.people
    people.register("shop", installation="hands", actor="device")
    first = people.personalize("hands", external_id("hand-1"), actor="device").person
    people.depersonalize("hands", actor="device")
    second = people.personalize("hands", external_id("hand-2"), actor="device").person
    done = admin.post("/person/sign-out", id=first, installation="hands")
    assert "The person is not signed in on that device" in done.text
    assert History(shop.store).who("hands") == second


def test_an_operator_moves_the_primary_flag(shop: Shop, admin: Operator) -> None:
    people = shop.people
    for name in ("flag-1", "flag-2"):
        people.register("shop", installation=name, actor="device")
        people.personalize(name, external_id("flagged"), actor="device")
    person = str(History(shop.store).who("flag-1"))
    admin.post("/person/primary", id=person, installation="flag-2")
    assert History(shop.store).person_state(person).primaries == {"shop": "flag-2"}


def test_a_stale_page_moves_nobody_elses_primary_flag(shop: Shop, admin: Operator) -> None:
    people = shop.people
    for name in ("aside-1", "aside-2"):
        people.register("shop", installation=name, actor="device")
        people.personalize(name, external_id("aside"), actor="device")
    person, ali = str(History(shop.store).who("aside-1")), shop.persons["ali"]
    before = History(shop.store).person_state(person).primaries
    done = admin.post("/person/primary", id=ali, installation="aside-2")
    assert "The person is not signed in on that device" in done.text
    assert History(shop.store).person_state(person).primaries == before


def test_many_devices_are_listed_by_pages_the_primary_one_first(
    shop: Shop, admin: Operator
) -> None:
    for n in range(120):
        shop.people.register("shop", installation=f"many-{n:03}", actor="device")
        shop.people.personalize(f"many-{n:03}", external_id("many"), actor="device")
    shop.people.set_primary("many-110")
    person = str(History(shop.store).who("many-000"))
    first, second = admin.get("/person", id=person), admin.get("/person", id=person, after="100")
    shown = [
        re.findall('aria-label="Sign out of (many-[0-9]+)"', page.text) for page in (first, second)
    ]
    everything = [f"many-{n:03}" for n in range(120) if n != 110]
    assert shown == [["many-110", *everything[:99]], everything[99:]]
    assert "1 to 100 of 120 devices" in first.text
    assert "101 to 120 of 120 devices" in second.text
    assert f"/person?id={person}&amp;after=100" in first.text
    for odd in ("-1", "x", "9" * 30, "\u0663"):
        assert "1 to 100 of 120 devices" in admin.get("/person", id=person, after=odd).text
    assert "Sign out everywhere" in admin.get("/person", id=person, after="500").text


def test_the_result_of_an_action_is_told_once_and_by_no_link(shop: Shop, url: str) -> None:
    told = "The primary device was changed."
    for name in ("told-1", "told-2"):
        shop.people.register("shop", installation=name, actor="device")
        shop.people.personalize(name, external_id("told"), actor="device")
    person = str(History(shop.store).who("told-1"))
    support, other = Operator(url, shop.keys["support"]), Operator(url, shop.keys["support"])
    support.http.follow_redirects = False
    sent = support.post("/person/primary", id=person, installation="told-2")
    assert "done" not in sent.headers["location"]
    assert "; HttpOnly; Max-Age=60; Path=/; SameSite=lax" in sent.headers["set-cookie"]
    other.http.cookies.update({k: v for k, v in support.http.cookies.items() if "-done-" in k})
    assert told not in other.get("/person", id=person).text, "it is of another session"
    # Another tab of the browser shows another page meanwhile, and another process answers.
    assert told not in support.get("/person", id=shop.persons["ali"]).text
    with served(shop.served(secure=False)) as again:
        support.http.base_url = again
        assert told in support.get("/person", id=person).text
        assert told not in support.get("/person", id=person).text, "a reload"
    for done in ("primary", "signed-out-all"):
        page = other.get("/person", id=person, done=done).text
        assert told not in page
        assert "Signed out of every device" not in page


def test_a_device_whose_service_nobody_sends_to_is_not_said_to_be_reached(
    shop: Shop, admin: Operator
) -> None:
    for name, service in (("odd", "pigeon"), ("usual", "huawei"), ("sent", "firebase")):
        shop.people.register(
            "shop", installation=name, push_token=f"t-{name}", push_service=service, actor="device"
        )
        page = admin.get("/installation", id=name).text
        assert ("Sender known: no" in page) == (name != "sent"), name
    assert "addressee has no sender for pigeon" in admin.get("/installation", id="odd").text


def test_the_pushes_to_a_device_are_listed_with_their_outcome(shop: Shop, admin: Operator) -> None:
    page = admin.get("/installation", id="ali-phone").text
    assert "Show the pushes to it" in page
    listed = admin.get("/installation", id="ali-phone", pushes="1").text
    told = listed.partition("Pushes to this device")[2].partition("Timeline")[0]
    assert f"/push?id={shop.dispatch}" in told
    assert "accepted" in told
    past = admin.get("/installation", id="ali-phone", pushes="1", at="2026-11-20T12:00:00").text
    assert "None that this store has sent" in past
