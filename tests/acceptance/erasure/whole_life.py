"""A person who has a value of its own in every personal field, by library and over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NoReturn

import httpx
from eventsourcing.persistence import Tracking
from sqlalchemy import Connection

from addressee.adapters.push import RecordingPush
from addressee.adapters.sql import ProjectionRunner, SqlStore
from addressee.application import (
    Answer,
    DeadLetter,
    Identity,
    Message,
    Notifier,
    Personalization,
    Recipient,
    Recorded,
    Rejected,
)
from addressee.application.commands import Reported
from addressee.domain import FACTS, InvalidValue
from tests.servers import Served, client

HOME = "/mobile/1/appinstance"
INDEXED = ("attr.plan", "iattr.theme")
REPORTED = {fact: f"Peculiar-{fact.replace('_', '-')}" for fact in FACTS} | {
    "language": "pe-Peculiar",
    "timezone": "Peculiar/Zone",
    "push_service": "fcm",
    "apns_environment": "sandbox",
}
CHOICES = {"push_service", "apns_environment"}
"""Facts whose values many share."""
BY_LIBRARY = {
    **{name: value for name, value in REPORTED.items() if name not in CHOICES},
    "external id": "peculiar-external-id",
    "e-mail": "peculiar@somewhere.example",
    "earlier e-mail": "peculiar-before@somewhere.example",
    "phone": "385991746352",
    "first name": "Peculiar Given",
    "last name": "Peculiar Family",
    "middle name": "Peculiar Middle",
    "gender": "Peculiar Gender",
    "plan": "peculiar-plan",
    "size": "peculiar-size-in-a-list",
    "tag": "peculiar-tag",
    "removed tag": "peculiar-removed-tag",
    "installation tag": "peculiar-itag",
    "theme": "peculiar-theme",
    "force": "peculiar reason of a merge",
    "merged id": "peculiar-second-id",
    "idempotency key": "peculiar-idempotency-key",
    "title": "Dear Peculiar Given",
    "text": "Your order, Peculiar Given",
    "data": "peculiar-data",
    "rejection": "no such device: peculiar-rejection",
    "failure": "KeyError peculiar-failure",
}
"""What the person gets by the library."""
BY_HTTP = {
    "device name by HTTP": "Singular Tablet",
    "user id by HTTP": "singular-user-id",
    "token by HTTP": "singular-token-91ab",
    "attribute by HTTP": "singular-colour",
    "e-mail by HTTP": "singular@somewhere.example",
    "first name by HTTP": "Singular Given",
    "birthday": "1951-07-29",
    "plan by HTTP": "singular-plan",
    "tag by HTTP": "singular-tag",
    "idempotency key by HTTP": "singular-idempotency-key",
    "text by HTTP": "Dear Singular Given",
    "refused e-mail": "singular-refused@@somewhere.example",
    "refused name": "singular-refused-name",
}
"""What the same person gets over HTTP, and values of requests that are refused."""
VALUES = {**BY_LIBRARY, **BY_HTTP}
PUSHES = {"title", "text", "data", "rejection", "text by HTTP"}
UNRECORDED = {"idempotency key", "idempotency key by HTTP", "refused e-mail", "refused name"}
"""What no store holds in clear, not even one without keys."""

NAMED_BY_SEGMENTS = {"e-mail", "plan"}
"""What the operator wrote into a segment, which the certificate names."""


def live(store: SqlStore) -> tuple[str, list[str]]:
    """Let the person live by the library; return its id, and those of its installations."""
    v, people = BY_LIBRARY, Personalization(store)
    facts: Reported = {**REPORTED, "device_secure": True}  # type: ignore[typeddict-item] # all known
    phone = people.register("shop", **facts).installation
    second = people.register("shop", push_token="another-token", os="ios").installation
    identity = Identity(v["external id"], [v["phone"]], [v["e-mail"], v["earlier e-mail"]])
    attributes: dict[str, Any] = {
        "first_name": v["first name"],
        "last_name": v["last name"],
        "middle_name": v["middle name"],
        "gender": v["gender"],
        "plan": v["plan"],
        "sizes": [{"size": v["size"]}],
    }
    once = v["idempotency key"]
    person = people.personalize(
        phone, identity, attributes, tags={v["tag"], v["removed tag"]}, idempotency_key=once
    ).person
    people.update_person(phone, remove=Identity(emails=[v["earlier e-mail"]]))
    people.tag(person, remove={v["removed tag"]}, idempotency_key=f"{once} 2")
    people.tag_installation(phone, add={v["installation tag"]})
    people.update_installation(phone, attributes={"theme": v["theme"]})
    people.define_segment("shop", "named", f'email:{v["e-mail"]} or attr.plan:"{v["plan"]}"')
    other = people.personalize(second, Identity(v["merged id"])).person
    digest = people.preview_merge(person, other).digest
    people.merge(person, other, digest=digest, force=v["force"])
    message = Message(title=v["title"], body=v["text"], data={"order": v["data"]})
    push(store, f"email:{v['e-mail']}", message)
    fail(store)
    return person, [phone, second]


def push(store: SqlStore, audience: str, message: Message) -> None:
    """Send a push that the service refuses."""

    def answer(_: Recipient) -> Answer:
        return Rejected(BY_LIBRARY["rejection"])

    notifier = Notifier(store, {"fcm": RecordingPush(answer), "apns": RecordingPush(answer)})
    notifier.run(notifier.dispatch("shop", audience, message, idempotency_key=message.title).id)


class Failing:
    """Projections of a host that fail with a text about a person."""

    def __init__(self, name: str) -> None:
        self.name = name

    def process_batch(
        self,
        connection: Connection,  # noqa: ARG002 # as the protocol has it
        page: Sequence[Recorded],  # noqa: ARG002 # likewise
        tracking: Tracking,  # noqa: ARG002 # likewise
    ) -> NoReturn:
        raise InvalidValue("name", BY_LIBRARY["failure"])


def fail(store: SqlStore) -> None:
    """Run projections and a relay that set aside what they fail on, and such that stop there."""
    for name, passes in (("passing", True), ("stopping", False)):
        ProjectionRunner(store, Failing(name), set_aside=passes).step()
    sink, reason = store.sink("crm", lease=60), BY_LIBRARY["failure"]
    turn = sink.take()
    assert turn is not None
    letters = [DeadLetter(each, reason, datetime.now(UTC)) for each in (1, 2)]
    sink.advance(turn.position, 2, dead=letters)
    sink.settle(1, reason)
    sink.fail(3, reason)
    assert [each.reason for each in sink.dead_letters(0, 9)] == [reason] * 2
    state = sink.state()
    assert state is not None
    assert state.problem == reason


def live_over_http(served: Served, key: str) -> str:
    """Let the same person sign in over HTTP, and ask for it; return the installation."""
    with client(served.url) as http:
        return asked(http, key)


def asked(http: httpx.Client, key: str) -> str:
    """Send all requests; return the installation."""
    v = BY_HTTP
    said: list[httpx.Response] = []

    def device(method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"Authorization": "App shop"}
        said.append(http.request(method, f"{HOME}{path}", json=body, headers=headers))
        return said[-1]

    def backend(path: str, body: object = None, once: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"App {key}"} | ({"Idempotency-Key": once} if once else {})
        method = "GET" if body is None else "POST"
        said.append(http.request(method, f"/v1/{path}", json=body, headers=headers))
        return said[-1]

    tablet: str = device(
        "POST",
        "",
        {
            "os": "Android",
            "pushServiceType": "Firebase",
            "pushServiceToken": v["token by HTTP"],
            "deviceName": v["device name by HTTP"],
            "applicationUserId": v["user id by HTTP"],
            "customAttributes": {"theme": v["attribute by HTTP"]},
        },
    ).json()["pushRegId"]
    contacts = {"emails": [{"address": v["e-mail by HTTP"]}]}
    identity = {"externalUserId": BY_LIBRARY["external id"], **contacts}
    about = {"firstName": v["first name by HTTP"], "birthday": v["birthday"]}
    sign_in = {"userIdentity": identity, "userAttributes": about}
    person = device("POST", f"/{tablet}/personalize", sign_in)
    assert person.is_success, person.text
    changes = {"tags": [v["tag by HTTP"]], "customAttributes": {"plan": v["plan by HTTP"]}}
    device("PATCH", f"/{tablet}/user", changes)
    device("GET", f"/{tablet}/user?ri=true")
    found = backend("persons/find", {"emails": [v["e-mail by HTTP"]]}).json()["person"]
    name = found["person"]
    named = {"kind": "email", "value": v["e-mail by HTTP"]}
    audience = f'email:{v["e-mail by HTTP"]} or tag:"{v["tag by HTTP"]}"'
    once = v["idempotency key by HTTP"]
    for _ in range(2):
        backend("commands/tag", {"person": name, "add": [v["tag by HTTP"], "more"]}, once)
        order = {"expression": audience, "title": v["text by HTTP"]}
        backend("pushes", order, f"{once} of a push")
    backend("identifiers/history", named)
    backend(f"persons/{name}")
    backend(f"persons/{name}/history")
    backend(f"persons/{name}/export", {"addresses": True})
    backend("audiences/count", {"expression": audience})
    backend("audiences/explain", {"expression": audience, "installation": tablet})
    assert all(each.is_success for each in said), [(r.url, r.text) for r in said if r.is_error]
    # What is refused, cut off, or not there is no reason to write it to a log.
    wrong = {"emails": [v["refused e-mail"]], "external_id": v["refused name"]}
    refused = [
        backend("persons/find", wrong),
        backend("commands/personalize", {"installation": tablet, "identity": wrong}),
        backend(f"persons/{v['refused name']}"),
        backend(f"persons/{v['e-mail by HTTP']}/history?at={v['refused name']}&limit=none"),
        backend("audiences/count", {"expression": f'{audience} or "{v["refused name"]}'}),
        backend("commands/tag", {"person": name, "add": [v["refused name"]]}, once),
        device("PATCH", f"/{tablet}/user", {"customAttributes": v["refused name"]}),
        device("GET", f"/{v['refused name']}/user"),
    ]
    assert not any(each.is_success for each in refused)
    with suppress(httpx.TransportError):
        http.post("/v1/persons/find", content=b'{"emails": ["' + v["refused name"].encode())
    return tablet
