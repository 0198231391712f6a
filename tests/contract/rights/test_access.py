"""A person is given all that is held about the person, and nothing of anybody else."""

from __future__ import annotations

import csv
import io
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from addressee.adapters.ledger_files import opened_sink, opened_source
from addressee.adapters.memory import MemoryStore
from addressee.adapters.private_file import private_file
from addressee.adapters.push import RecordingPush
from addressee.adapters.sql import SqlStore
from addressee.application import (
    AuditableStore,
    Identity,
    Message,
    Rights,
    SealedStore,
    SendingStore,
    export_ledger,
    import_ledger,
    verify,
)
from addressee.application.rights.held_data import HeldData, HeldDataReader
from addressee.domain import InvalidValue, PersonExported, UnknownPerson
from tests.contract.conftest import Host
from tests.contract.rights.archive import Archive
from tests.contract.sending.sender import Sender

BEA_PHONE = "385991111666"
ALI_PHONE = "385997777888"


def exported(host: Host, person: str, **options: Any) -> Archive:  # noqa: ANN401 # of Rights.of
    return Archive(Rights(host.store, host.people).of(person, **options))


def held(host: Host, person: str, last: int) -> HeldData:
    reader = HeldDataReader(host.store, host.history, None, addresses=False)
    return reader.read(person, last)


def sent(host: Host, audience: str, word: str) -> None:
    sender = Sender(host, RecordingPush())
    message = Message(title=f"{word}-title", body=f"{word}-body", data={f"{word}-key": word})
    sender.notifier.run(sender.notifier.dispatch("shop", audience, message).id)


def signed_in(host: Host, device: str, word: str, phone: str) -> str:
    """Sign a person in and put the person's word into every field that there is."""
    host.clock.move(hours=1)
    person = host.people.personalize(
        device,
        Identity(external_id=word, msisdns=[phone], emails=[f"{word}@x.com"]),
        {"first_name": f"{word}-first", f"{word}-name": f"{word}-value"},
        {f"{word}-tag"},
        force_depersonalize=True,
        actor=f"device:{word}-actor",
        correlation_id=f"{word}-correlation",
    ).person
    told(host, device, word)
    host.people.tag_installation(device, add={f"{word}-itag"})
    host.people.set_primary(device)
    sent(host, f"external_id:{word}", word)
    return person


def told(host: Host, device: str, word: str) -> None:
    """Have a device tell of itself."""
    host.clock.move(minutes=1)
    facts = {
        name: f"{word}-{name}"
        for name in ("os_version", "device_name", "language", "application_user_id", "push_token")
    }
    attributes = {f"{word}-iname": f"{word}-ivalue"}
    host.people.update_installation(device, attributes=attributes, **facts)  # type: ignore[arg-type] # facts are strings here


def test_an_export_from_a_shared_tablet_holds_nothing_of_another_person(host: Host) -> None:
    tablet = host.device("tablet", device_name="zqbea-registered", push_token="zqbea-first-token")
    bea = signed_in(host, tablet, "zqbea", BEA_PHONE)
    host.people.depersonalize(tablet)
    told(host, tablet, "zqnobody")
    ali = signed_in(host, tablet, "qxali", ALI_PHONE)
    sent(host, "external_id:qxali or external_id:zqbea", "both")
    again = signed_in(host, tablet, "zqbea", BEA_PHONE)
    assert again == bea
    host.device("taker", push_token="zqbea-push_token")  # takes the tablet's token from Bea
    host.people.define_segment("shop", "zqbea-segment", "external_id:zqbea or external_id:qxali")
    archive = exported(host, ali)
    for value in ("zq", BEA_PHONE, bea):
        assert archive.holding(value) == set()
    everything = {"person.json", "timeline.ndjson"}
    for word in ("qxali", ALI_PHONE, "qxali@x.com", "qxali-first", "qxali-value", "qxali-tag"):
        assert everything <= archive.holding(word), word
    for word in ("qxali-device_name", "qxali-language", "qxali-application_user_id"):
        assert {"installations.csv", *everything} == archive.holding(word), word
    assert archive.holding("qxali-itag") == {"timeline.ndjson"}, "cleared when the person left"
    assert (
        {"pushes.csv", "person.json"}
        == archive.holding("qxali-body")
        == archive.holding("both-body")
    )
    assert [each["outcome"] for each in archive.person["pushes"]] == ["accepted", "accepted"]
    others = exported(host, bea)
    assert others.holding("qx") == set()
    assert "both-body" not in str(others.person["pushes"])
    assert others.holding("zqbea-registered") == {"timeline.ndjson"}
    assert others.holding("zqnobody") == set(), "it may be anybody's"


def test_an_export_tells_since_when_and_until_when(host: Host) -> None:
    host.device("phone", push_token="token-0123456789", os="Android")
    ali = host.people.personalize("phone", Identity(external_id="ali", emails=["a@x.com"])).person
    host.clock.move(hours=2)
    host.people.update_person(
        "phone", remove=Identity(emails=["a@x.com"]), attributes={"f": "=1", "n": -5}
    )
    host.device("tablet")
    host.login("tablet", "ali")
    host.people.depersonalize("tablet")
    host.clock.move(hours=1)
    host.people.touch("phone")
    archive = exported(host, ali, processing={"purpose": "orders"})
    eight, ten, eleven = (f"2026-11-23T{hour}:00:00Z" for hour in ("08", "10", "11"))
    assert archive.person["identifiers"] == [
        {"kind": "external_id", "value": "ali", "since": eight, "until": None},
        {"kind": "email", "value": "a@x.com", "since": eight, "until": ten},
    ]
    sign_ins = [tuple(each.values()) for each in archive.person["sign_ins"]]
    assert sign_ins == [
        ("phone", "shop", eight, None, None),
        ("tablet", "shop", ten, ten, "logout"),
    ]
    [phone, tablet] = archive.person["installations"]
    assert (phone["signed_in"], phone["last_seen"]) == (True, eleven)
    assert (tablet["signed_in"], tablet["last_seen"]) == (False, None)
    assert phone["push_enabled"] is True
    assert archive.json("processing.json") == {"purpose": "orders"}
    rows = [*csv.reader(io.StringIO(archive.files["attributes.csv"].decode(), newline=""))]
    told = [["f", "'=1"], ["n", "-5"]]
    assert rows == [["name", "value"], *told], "no spreadsheet runs a text, and a number is one"
    assert archive.holding("token-0123456789") == set()
    assert phone["facts"] == {"os": "Android", "push_token": "…6789 (16 characters)"}
    shown = exported(host, ali, addresses=True)
    assert shown.person["installations"][0]["facts"]["push_token"] == "token-0123456789"
    assert shown.holding("token-0123456789") >= {"person.json", "timeline.ndjson"}


def test_what_was_sent_is_read_while_a_worker_holds_its_dispatch(host: Host) -> None:
    """An export waits for no worker, and no worker for an export."""
    host.device("phone", push_token="token-0123456789")
    ali = host.login("phone", "ali")
    sent(host, "external_id:ali", "word")
    last = host.store.settled()
    [push] = host.history.pushes("phone")
    assert isinstance(host.store, SendingStore)
    with host.store.sending() as worker:
        assert worker.dispatch(push.dispatch) is not None
        assert [*host.history.pushes("phone")] == [*host.history.reached(push.dispatch)] == [push]
        [row] = held(host, ali, last).summary["pushes"]
    assert (row["dispatch"], row["title"]) == (push.dispatch, "word-title")


def test_an_export_shows_no_use_of_a_device_by_the_person_who_took_it(host: Host) -> None:
    host.device("tablet")
    ali = host.login("tablet", "ali")
    last = host.history.person(ali)[-1].position
    host.clock.move(hours=1)
    host.people.personalize("tablet", Identity(external_id="bea"), force_depersonalize=True)
    [tablet] = held(host, ali, last).summary["installations"]
    assert (tablet["signed_in"], tablet["last_seen"]) == (True, None)


def test_an_export_is_recorded_and_its_manifest_proves_every_byte(
    host: Host, tmp_path: Path
) -> None:
    host.device("phone")
    ali = host.login("phone", "ali")
    seal = host.store.seal() if isinstance(host.store, SqlStore) else None
    with private_file(tmp_path / "ali.zip") as file:
        file.writelines(Rights(host.store, host.people).of(ali, correlation_id="letter 7"))
    archive = Archive([(tmp_path / "ali.zip").read_bytes()])
    assert (tmp_path / "ali.zip").stat().st_mode & 0o777 == 0o600
    *before, (position, event) = host.history.person(ali)
    assert isinstance(event, PersonExported)
    assert (event.actor, event.correlation_id, event.application) == ("backend", "letter 7", None)
    manifest = archive.manifest
    assert (manifest["person"], manifest["position"]) == (ali, position)
    assert [line["position"] for line in archive.timeline][-1] == position
    assert {each.position for each in before} <= {line["position"] for line in archive.timeline}
    digest = None if seal is None else {"number": 1, "last": seal.last, "digest": seal.digest.hex()}
    assert manifest["seal"] == digest
    assert manifest["files"] == {
        name: {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in archive.files.items()
        if name != "manifest.json"
    }
    assert isinstance(host.store, AuditableStore)
    assert verify(host.store).differences == ()
    path = tmp_path / "ledger.jsonl"
    export_ledger(host.store, lambda heading: opened_sink(path, heading), with_key=True)
    keys = host.store.keys if isinstance(host.store, SealedStore) else None
    other = MemoryStore(keys=keys)
    with opened_source(path) as source:
        import_ledger(other, source)
    assert verify(other).differences == ()
    assert host.reach.as_of(position).preview("shop", "external_id:ali") == ["phone"]


def test_an_export_of_one_application_shows_no_other(host: Host) -> None:
    host.device("a")
    host.device("b", application="bank")
    ali = host.login("a", "ali")
    with pytest.raises(UnknownPerson):
        exported(host, ali, within="bank")
    assert not any(isinstance(event, PersonExported) for _, event in host.history.person(ali))
    host.login("b", "ali")
    archive = exported(host, ali, within="bank")
    assert [each["installation"] for each in archive.person["installations"]] == ["b"]
    assert archive.holding("shop") == set()
    assert archive.manifest["application"] == "bank"
    assert [type(event) for _, event in host.history.person(ali, within="bank")][
        -1
    ] is PersonExported
    assert PersonExported not in {
        type(event) for _, event in host.history.person(ali, within="shop")
    }


def test_what_is_wrong_is_refused_before_anything_is_recorded(host: Host, tmp_path: Path) -> None:
    host.device("phone")
    ali = host.login("phone", "ali")
    before = host.history.person(ali)
    rights = Rights(host.store, host.people)
    with pytest.raises(UnknownPerson):
        rights.of("nobody")
    deep: dict[str, Any] = {}
    for _ in range(2_000):
        deep = {"deeper": deep}
    wrong: list[dict[str, Any]] = [
        {"addresses": "yes"},
        {"actor": "ali"},
        {"within": 7},
        {"correlation_id": 7},
        *({"processing": said} for said in ("text", {"at": object()}, {"n": float("nan")}, deep)),
    ]
    for options in wrong:
        with pytest.raises(InvalidValue):
            rights.of(ali, **options)
    (tmp_path / "there.zip").touch()
    for path in (tmp_path / "there.zip", tmp_path / "no" / "folder.zip"):
        with pytest.raises(InvalidValue), private_file(path):
            raise AssertionError
    with pytest.raises(UnknownPerson), private_file(tmp_path / "nobody.zip") as file:
        file.writelines(rights.of("nobody"))
    assert [each.name for each in tmp_path.iterdir() if "zip" in each.name] == ["there.zip"]
    assert host.history.person(ali) == before
