"""The Python client asks everything that `/v1` answers."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from addressee.adapters.http import Client, Problem
from addressee.adapters.http_client.v1_connection import until_end
from tests.acceptance.transport.conftest import World


@pytest.fixture
def client(world: World) -> Generator[Client]:
    with Client(world.served.url, world.keys["shop", "backend"]) as client:
        yield client


def test_a_service_signs_a_person_in_and_asks_whom_a_push_reaches(client: Client) -> None:
    assert client.ready()
    device = client.command("register", os="android", idempotency_key="client-1")["installation"]
    again = client.command("register", os="android", idempotency_key="client-1")["installation"]
    assert again == device
    before = datetime.now(UTC)
    identity = {"external_id": "client", "emails": ["client@x.com"]}
    signed_in = client.command("personalize", installation=device, identity=identity)
    person = signed_in["person"]
    audience = 'email:client@x.com and not tag:"none"'
    assert client.count(audience) == 1
    assert client.preview(audience, 5) == list(client.targets(audience)) == [device]
    assert list(client.targets(audience, after=device)) == []
    assert client.explain(audience, device)["reached"] is True
    assert client.count(audience, as_of=before) == 0
    assert client.preview(audience, as_of=before) == []
    assert list(client.targets(audience, as_of=before)) == []
    assert list(client.recipients(audience)) == []
    client.command("update_installation", installation=device, push_token="client-token")
    [reached] = client.recipients(audience)
    assert (reached["installation"], reached["person"]) == (device, person)
    assert (reached["service"], reached["address"]) == ("fcm", "client-token")
    assert list(client.recipients(audience, after=device)) == []
    registered = client.installation_history(device)[0]["position"]
    assert client.explain(audience, device, as_of=registered)["reached"] is False
    assert client.who(device) == person
    assert client.who(device, before) is None
    assert client.devices(person) == [device]
    assert client.installation_history(device)[0]["event"] == "InstallationRegistered"
    assert client.person_history(person)[0]["event"] == "PersonCreated"
    events = client.installation_history(device)
    first = events[0]["position"]
    assert client.installation_history(device, limit=1) == events[:1]
    assert client.installation_history(device, after=first) == events[1:]
    assert client.installation(device)["person"] == person
    assert "client-token" not in str(client.installation(device))
    known = client.person(person)
    assert known["identifiers"][0] == {"kind": "external_id", "value": "client"}
    assert known["installations"] == [device]
    assert client.find_person(emails=["CLIENT@x.com"]) == known
    assert client.find_person(external_id="nobody-at-all") is None
    assert client.holder(device) == known
    assert client.holder(device, before) is None
    [application] = client.applications()
    assert (application["code"], application["jwt_keys"]) == ("shop", [])
    [claim] = client.identifier_history("email", "Client@x.com")
    assert claim["data"]["person"] == person


def test_a_person_is_given_what_is_held(client: Client) -> None:
    device = client.command("register", os="android", push_token="token-0123456789")["installation"]
    identity = {"external_id": "asks"}
    person = client.command("personalize", installation=device, identity=identity)["person"]
    said = {"purposes": ["orders"]}
    with ZipFile(io.BytesIO(b"".join(client.export_person(person, processing=said)))) as file:
        assert json.loads(file.read("processing.json")) == said
        assert json.loads(file.read("person.json"))["identifiers"][0]["value"] == "asks"
        assert json.loads(file.read("manifest.json"))["application"] == "shop"
        assert not any(b"token-0123456789" in file.read(name) for name in file.namelist())
    shown: dict[str, Any] = {"addresses": True, "correlation_id": "letter 7"}
    with ZipFile(io.BytesIO(b"".join(client.export_person(person, **shown)))) as file:
        assert b"token-0123456789" in file.read("person.json")
    made = [each for each in client.person_history(person) if each["event"] == "PersonExported"]
    assert [each["actor"].partition(":")[0] for each in made] == ["backend", "backend"]
    assert [each["correlation_id"] for each in made] == [None, "letter 7"]
    with pytest.raises(Problem, match="UNKNOWN_PERSON") as missing:
        list(client.export_person("nobody-at-all"))
    assert missing.value.status == 404


def test_a_refusal_is_typed(client: Client) -> None:
    with pytest.raises(Problem, match="NO_REGISTRATION") as missing:
        client.command("touch", installation="a/b?c")
    assert missing.value.status == 404
    with pytest.raises(Problem) as refused:
        list(client.targets("tag:"))
    assert (refused.value.code, refused.value.field) == ("EXPRESSION_INVALID", "expression")
    with pytest.raises(Problem, match="NO_REGISTRATION"):
        client.who("a/b?c")


def test_a_server_of_another_kind_gives_no_reason(world: World) -> None:
    with Client(f"{world.served.url}/mobile", "key") as client, pytest.raises(Problem) as refused:
        client.count("all")
    assert refused.value.code == "UNKNOWN"


def test_the_client_imports_with_httpx_alone() -> None:
    servers = "'fastapi', 'starlette', 'uvicorn', 'jwt', 'prometheus_client', 'sqlalchemy'"
    code = (
        f"import sys; sys.modules.update(dict.fromkeys(({servers}))); "
        "from addressee.adapters.http_client import Client, Problem; print(Client, Problem)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Client" in done.stdout


def test_the_client_example_of_the_docs(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[4] / "docs" / "http.md").read_text()
    [block] = re.findall(r"<!-- client -->\n```python\n(.*?)```", page, re.DOTALL)
    example: dict[str, Any] = {}
    exec(block, example)  # noqa: S102 # our own documentation
    device = client.command("register", os="android")["installation"]
    identity = {"external_id": "documented"}
    client.command(
        "personalize", installation=device, identity=identity, tags=["vip"], set_primary=True
    )
    example["push"](client, "hello")
    assert f"{device} hello" in capsys.readouterr().out


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ['{"installation": "a"}'],
        ['{"installation": "a"}', '{"inst'],
        ['{"installation": "a"}', '{"end": true, "installations": 2}'],
        ['{"end": true}'],
    ],
)
def test_a_stream_without_its_end_mark_is_not_taken_for_whole(lines: list[str]) -> None:
    whole = ['{"installation": "a"}', '{"end": true, "installations": 1}']
    assert [found["installation"] for found in until_end(whole)] == ["a"]
    with pytest.raises(httpx.RemoteProtocolError, match="cut off"):
        list(until_end(lines))
