"""What strangers try besides tokens: keys that are nearly right, SQL in names, half requests."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

from addressee.application import issue_key, verify
from tests.acceptance.transport.conftest import HOME, World
from tests.clients.watch import Watch
from tests.patience import wait_until

SQL = ("'; drop table addressee_event; --", '" or ""="', "%' or 1=1 --", "\\'; select 1", "{0}%s:x")
HALVES = 100


def test_a_key_that_is_nearly_right_is_refused(each_world: World) -> None:
    good, other = each_world.keys["shop", "backend"], each_world.keys["bank", "backend"]
    name, _, secret = good.partition(".")

    def status(*values: str) -> int:
        headers = [("Authorization", value) for value in values]
        return each_world.http.post(
            "/v1/audiences/count", json={"expression": "all"}, headers=headers
        ).status_code

    assert status(f"App {good}") == 200
    wrong = (
        *(good.upper(), good[:-1], good + "x", f"{good},{good}", f"{name}.", f".{secret}", name),
        *(f"{other.partition('.')[0]}.{secret}", f"{name}.{other.partition('.')[2]}", "0" * 9_000),
    )
    for each in wrong:
        assert status(f"App {each}") == 401, each[:80]
    for values in (
        (f"Basic {good}",),
        (good,),
        (f"App shop, App {good}",),
        ("App x.y", f"App {good}"),
    ):
        assert status(*values) == 401, values
    assert secret not in each_world.served.log.read_text()


def test_a_key_that_was_removed_is_refused(each_world: World) -> None:
    key = issue_key(each_world.store.applications, "shop", "backend")
    headers = {"Authorization": f"App {key}"}

    def status() -> int:
        body = {"expression": "all"}
        return each_world.http.post("/v1/audiences/count", json=body, headers=headers).status_code

    assert status() == 200
    assert each_world.store.applications.remove_key(key.partition(".")[0])
    wait_until(lambda: status() == 401, "the key is refused")


def test_one_idempotency_key_in_two_applications_is_two(each_world: World) -> None:
    answers = {
        app: each_world.http.post(
            "/v1/commands/register",
            json={"os": app},
            headers={"Authorization": f"App {each_world.keys[app, 'backend']}",
                     "Idempotency-Key": "the-same"},
        ).json()["installation"]
        for app in ("shop", "bank")
    }  # fmt: skip
    assert len({*answers.values()}) == 2
    for app, device in answers.items():
        assert each_world.send("GET", f"{HOME}/{device}", app=app).json()["os"] == app


def test_sql_in_names_is_a_name(each_world: World) -> None:
    for text in SQL:
        device = each_world.register(os=text, customAttributes={text: text})
        body = {"userIdentity": {"externalUserId": text}, "userAttributes": {"tags": [text]}}
        signed_in = each_world.send("POST", f"{HOME}/{device}/personalize", body)
        assert signed_in.json()["tags"] == [text], signed_in.text
        quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for field in ("tag", "external_id", "os"):
            assert each_world.found(f"{field}:{quoted}") == [device]
        assert each_world.send("GET", f"{HOME}/{device}").json()["customAttributes"] == {text: text}
    assert verify(each_world.store).differences == ()


def test_line_breaks_in_a_path_make_no_header(world: World) -> None:
    for breaks in ("%0d%0a", "%0a", "%c4%8d%c4%8a"):
        answer = world.send("GET", f"{HOME}/x{breaks}Set-Cookie:%20a=b{breaks}{breaks}<b>")
        assert answer.status_code in {400, 404}
        assert "set-cookie" not in answer.headers
        assert "\r\n" not in answer.text


def test_R57_half_requests_hold_nobody_up(world: World) -> None:
    address = urlsplit(world.served.url)
    head = (
        f"POST {HOME} HTTP/1.1\r\nHost: x\r\nAuthorization: App shop\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )
    with ExitStack() as halves, Watch(world.served, "GET", "/v1/health") as health:
        for _ in range(HALVES):
            half = halves.enter_context(socket.create_connection((address.hostname, address.port)))
            half.sendall(head.encode())
        health.wait_for(20)
        assert world.register()
    assert max(health.times) < 10, "it waited for them, who are given up after so long"
