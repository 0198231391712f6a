"""A sign-in over HTTP beside a bare FastAPI endpoint and the same command in the process.

The ASGI apps are driven without sockets, so that no client's cost is in either side: CPU seconds of
one request after the other.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Header
from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Message

from addressee.adapters.http import create_app
from addressee.adapters.memory import MemoryApplications, MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Store
from addressee.domain import Attributes, MobileApp
from tests.benchmarks.report import Figure, paired

DEVICES = 50
SIGN_INS = 200


class Phone(BaseModel):
    number: Annotated[str, Field(min_length=4, max_length=50)]


class Email(BaseModel):
    address: Annotated[str, Field(max_length=255, pattern=r"^[^@]+@[^@]+$")]


class UserIdentity(BaseModel):
    externalUserId: Annotated[str, Field(min_length=1, max_length=256)] | None = None  # noqa: N815 # the wire's name
    phones: Annotated[list[Phone], Field(max_length=100)] = []
    emails: Annotated[list[Email], Field(max_length=100)] = []


class UserAttributes(BaseModel):
    firstName: Annotated[str, Field(max_length=255)] | None = None  # noqa: N815 # the wire's name
    tags: list[Annotated[str, Field(min_length=1, max_length=256)]] = []
    customAttributes: dict[str, str | float | bool | None] = {}  # noqa: N815 # the wire's name


class SignIn(BaseModel):
    userIdentity: UserIdentity  # noqa: N815 # the wire's name
    userAttributes: UserAttributes | None = None  # noqa: N815 # the wire's name


bare = FastAPI()


@bare.post("/mobile/1/appinstance/{installation}/personalize")
def personalize(  # noqa: PLR0913 # the wire's arguments
    installation: str,
    body: SignIn,
    authorization: Annotated[str, Header()],
    *,
    forceDepersonalize: bool = False,  # noqa: N803 # the wire's name
    keepAsLead: bool = False,  # noqa: ARG001, N803 # likewise
    setDeviceAsPrimary: bool = False,  # noqa: ARG001, N803 # likewise
) -> dict[str, Any]:
    assert authorization
    assert installation
    assert forceDepersonalize
    return {"type": "CUSTOMER", **body.userIdentity.model_dump(), "tags": ["vip"]}


def body_of(person: str) -> bytes:
    return json.dumps(
        {
            "userIdentity": {"externalUserId": person, "emails": [{"address": f"{person}@x.com"}]},
            "userAttributes": {"firstName": "Ali", "tags": ["vip"], "customAttributes": {"n": 1.5}},
        }
    ).encode()


def drive(app: ASGIApp, turns: Iterable[tuple[str, str]]) -> None:
    """Sign persons in on devices, one request after the other."""

    async def requests() -> None:
        for device, person in turns:
            body = body_of(person)
            sent: list[Message] = []

            async def receive(body: bytes = body) -> Message:
                return {"type": "http.request", "body": body, "more_body": False}

            async def send(message: Message, sent: list[Message] = sent) -> None:
                sent.append(message)

            path = f"/mobile/1/appinstance/{device}/personalize"
            scope = {
                "type": "http",
                "asgi": {"version": "3.0"},
                "http_version": "1.1",
                "method": "POST",
                "scheme": "http",
                "path": path,
                "raw_path": path.encode(),
                "root_path": "",
                "query_string": b"forceDepersonalize=true&keepAsLead=false",
                "headers": [
                    (b"host", b"localhost"),
                    (b"authorization", b"App shop"),
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(body)).encode()),
                ],
                "client": ("127.0.0.1", 1),
                "server": ("127.0.0.1", 80),
            }
            await app(scope, receive, send)
            assert sent[0]["status"] == 200, sent

    asyncio.run(requests())


def people_on(store: Store) -> Personalization:
    people = Personalization(store)
    for n in range(DEVICES):
        people.register("shop", installation=f"d{n}")
    return people


class Turns:
    """Who signs in where: every turn another person takes the device."""

    def __init__(self) -> None:
        self._turn = 0

    def __iter__(self) -> Generator[tuple[str, str]]:
        for _ in range(SIGN_INS):
            self._turn += 1
            yield f"d{self._turn % DEVICES}", f"p{self._turn % (DEVICES - 1)}"


def signed_in(people: Personalization, turns: Turns) -> None:
    for device, person in turns:
        identity = Identity(external_id=person, emails=[f"{person}@x.com"])
        attributes: Attributes = {"first_name": "Ali", "n": 1.5}
        people.personalize(device, identity, attributes, ["vip"], force_depersonalize=True)


@contextmanager
def stores(kind: str) -> Generator[tuple[Store, Store]]:
    if kind == "memory":
        yield MemoryStore(), MemoryStore()
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        SqlStore(f"sqlite:///{Path(folder)}/a.db") as served,
        SqlStore(f"sqlite:///{Path(folder)}/b.db") as called,
    ):
        yield served, called


def figures() -> Generator[Figure]:
    for kind in ("memory", "sqlite"):
        with stores(kind) as (served, called):
            people_on(served)
            people = people_on(called)
            app = create_app(served, MemoryApplications(MobileApp(code="shop")))
            turns = [Turns() for _ in range(4)]

            def ours(app: ASGIApp = app, turns: Turns = turns[0]) -> int:
                drive(app, turns)
                return SIGN_INS

            def floor(people: Personalization = people, turns: list[Turns] = turns) -> int:
                drive(bare, turns[1])
                signed_in(people, turns[2])
                return SIGN_INS

            def alone(turns: Turns = turns[3]) -> int:
                drive(bare, turns)
                return SIGN_INS

            name = f"sign-in over HTTP, {kind}"
            yield Figure(f"{name}, beside bare endpoint and command", *paired(ours, floor), bar=0.5)
            if kind == "memory":
                yield Figure(f"{name}, beside bare endpoint", *paired(ours, alone), bar=None)
