"""Spans from the request to the commit to the publication, by OpenTelemetry's SDK."""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.types import ASGIApp

from addressee.adapters.cli.options.traces_option import tracing
from addressee.adapters.events.handler_sink import HandlerSink
from addressee.adapters.http import create_app
from addressee.adapters.open_telemetry import OpenTelemetryTracing
from addressee.adapters.sql import SqlStore
from addressee.application import (
    FactMessage,
    Personalization,
    Relay,
    issue_key,
)
from addressee.domain import InvalidValue, MobileApp, NoRegistration, StoreUnavailable
from tests.servers import http_server

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Spans:
    """Records spans, and finds them by name."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = OpenTelemetryTracing(provider)

    def named(self, name: str) -> list[ReadableSpan]:
        return [each for each in self._exporter.get_finished_spans() if each.name == name]

    def clear(self) -> None:
        self._exporter.clear()


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent and span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


@pytest.fixture
def spans() -> Spans:
    return Spans()


def test_a_request_is_followed_to_the_message_of_its_fact(spans: Spans, tmp_path: Path) -> None:
    received: list[FactMessage] = []

    async def register(app: ASGIApp, key: str) -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.post(
                "/v1/commands/register",
                json={"installation": "phone", "os": "ios"},
                headers={"Authorization": f"App {key}", "traceparent": CALLER},
            )

    with SqlStore(f"sqlite:///{tmp_path}/ledger.db") as store:
        store.applications.put(MobileApp(code="shop"))
        key = issue_key(store.applications, "shop", "backend")
        app = create_app(store, store.applications, tracing=spans.tracing)
        answer = asyncio.run(register(app, key))
        assert answer.status_code == 200
        relay = Relay(store, "bus", HandlerSink(received.append), tracing=spans.tracing)
        relay.catch_up()
        relay.close()
    [request] = spans.named("HTTP POST")
    [command] = spans.named("addressee.command")
    [commit] = spans.named("addressee.commit")
    [publish] = spans.named("addressee.publish")
    assert parent_of(request) == int(CALLER.split("-")[2], 16)
    assert parent_of(command) == id_of(request)
    assert parent_of(commit) == id_of(command)
    assert dict(command.attributes or {})["addressee.command"] == "Register"
    assert dict(request.attributes or {})["addressee.request_id"] == answer.headers["x-request-id"]
    [message] = [each for each in received if each.type == "addressee.InstallationRegistered.v1"]
    assert message.trace == f"00-{CALLER.split('-')[1]}-{id_of(command):016x}-01"
    assert json.loads(message.content)["traceparent"] == message.trace
    assert [each.context.span_id for each in publish.links] == [id_of(command)]
    assert dict(publish.attributes or {}) == {"addressee.sink": "bus", "addressee.messages": 1}


def test_a_transaction_of_several_callers_is_linked_to_each(spans: Spans, tmp_path: Path) -> None:
    with SqlStore(f"sqlite:///{tmp_path}/ledger.db") as store, ThreadPoolExecutor(8) as threads:
        people = Personalization(store, tracing=spans.tracing)
        for _ in threads.map(lambda n: people.register("shop", installation=f"d{n}"), range(40)):
            pass
    commands = {id_of(each) for each in spans.named("addressee.command")}
    linked = [each.context.span_id for one in spans.named("addressee.commit") for each in one.links]
    assert len(commands) == 40
    assert sorted(linked) == sorted(commands)


def test_a_failure_has_its_type_and_no_text(spans: Spans) -> None:
    with (
        pytest.raises(StoreUnavailable),
        spans.tracing.span("addressee.command", {"addressee.command": "Personalize"}),
    ):
        raise StoreUnavailable("no row for ali@example.com")
    [command] = spans.named("addressee.command")
    assert command.status.status_code is StatusCode.ERROR
    assert command.status.description == "StoreUnavailable"
    assert "ali@example.com" not in command.to_json()


def test_a_correlation_id_of_the_callers_own_is_kept(spans: Spans, tmp_path: Path) -> None:
    with SqlStore(f"sqlite:///{tmp_path}/ledger.db") as store:
        people = Personalization(store, tracing=spans.tracing)
        people.register("shop", installation="phone", correlation_id="order-7")
        with pytest.raises(NoRegistration):
            people.touch("nobody")
        with store.reading() as view:
            [(_, event), *_] = view.events(0, 10)
        assert event.correlation_id == "order-7"
        # A refusal is an answer, not a failure of the span's.
        refused = spans.named("addressee.command")[-1]
        assert refused.status.status_code is StatusCode.UNSET
        message: list[FactMessage] = []
        relay = Relay(store, "bus", HandlerSink(message.append))
        relay.catch_up()
        relay.close()
        assert "traceparent" not in json.loads(message[0].content)


def test_the_service_records_traces_if_asked_to(tmp_path: Path) -> None:
    with http_server(f"sqlite:///{tmp_path}/ledger.db", "--traces") as served:
        assert httpx.get(f"{served.url}/v1/health").status_code == 200


def test_without_the_extra_the_option_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert tracing(asked=False) is None
    assert isinstance(tracing(asked=True), OpenTelemetryTracing)
    monkeypatch.setitem(sys.modules, "addressee.adapters.open_telemetry", None)
    with pytest.raises(InvalidValue, match=r"pip install 'addressee\[telemetry\]'"):
        tracing(asked=True)
