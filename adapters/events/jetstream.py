"""Facts to a stream of NATS JetStream (https://docs.nats.io/nats-concepts/jetstream)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from nats.errors import ConnectionClosedError
from nats.js.api import Header
from nats.js.errors import NotFoundError

from addressee.adapters.nats_client import TIMEOUT, UNUSABLE, NatsClient
from addressee.adapters.nats_options import check_stream, check_subject
from addressee.application import (
    FactMessage,
    MessageRefused,
    Published,
    SinkProblem,
    SinkUnavailable,
)

MSG_ID, EXPECTED = Header.MSG_ID.value, Header.EXPECTED_LAST_SEQUENCE.value
AT_ONCE = 1_000
"""Most messages of a batch: a stream buffers 10,000."""
REACHED = "Addressee-Reached"
"""The header with the position up to which every fact is in the stream."""
TOO_LARGE = frozenset({10054, 10097})
"""Codes of a message that the stream will never take."""


class JetStreamSink:
    """Publishes facts to one stream, many at once, and waits for one acknowledgement.

    Each message names the sequence that it must follow. So the stream takes a fact once and in
    order, and the facts of one relay only; what comes behind a message that failed fails as well,
    and the acknowledgement of the last one is that of all. After any failure the sink connects
    anew, and the relay goes on behind the last message of the stream. Nobody else may publish to
    it.

    A single server writes to disk every two minutes unless ``sync_interval: always`` is set: what
    it has acknowledged can be lost with its power.

    Args:
        servers: URL of one server of the cluster, or of several.
        stream: the stream's name; it is made if it is missing, in files and without limits.
        subject: before the type of each message: ``addressee.DevicePersonalized.v1``.
        replicas: how many servers of a cluster have the stream, where it is made here.
        timeout: for the acknowledgement of a batch, in seconds.
        options: of the connection, as for `nats.connect`, such as ``user_credentials`` or ``tls``.

    Raises:
        InvalidValue: one of these can't be.
    """

    def __init__(
        self,
        servers: str | Sequence[str],
        stream: str,
        subject: str = "addressee",
        *,
        replicas: int = 1,
        timeout: float = TIMEOUT,
        **options: Any,  # noqa: ANN401 # the driver's own
    ) -> None:
        check_stream(stream)
        check_subject(subject)
        self._stream = stream
        self._subject = subject
        self._replicas = replicas
        self._nats = NatsClient(servers, timeout, options)
        self._sequence = 0
        self._failed = False
        """Whether the last batch failed: then one message alone shows which, and why."""

    def resume(self) -> int | None:
        """Connect anew and return how far the stream is.

        Raises:
            nats.errors.Error, OSError, TimeoutError: no server can be reached.
        """
        return self._nats.run(self._resume(), self._nats.timeout)

    def publish(self, messages: Sequence[FactMessage]) -> Published:
        """Publish messages; if one fails, nothing counts as confirmed until `resume` has asked."""
        batch = messages[: 1 if self._failed else AT_ONCE]
        try:
            answer = self._nats.run(self._publish(batch), self._nats.timeout)
        except UNUSABLE as error:
            self._failed = True
            return Published(0, SinkUnavailable(type(error).__name__))
        failure = answer.get("error")
        self._failed = failure is not None or "duplicate" in answer
        if failure is not None:
            return Published(0, problem_of(failure, alone=len(batch) == 1))
        self._sequence = answer["seq"]
        return Published(len(batch))

    def close(self) -> None:
        """Close the connection."""
        self._nats.close()

    async def _resume(self) -> int | None:
        # What a client sends after it has reconnected by itself would come too late.
        stream = await self._nats.connect(allow_reconnect=False)
        try:
            found = await stream.stream_info(self._stream)
        except NotFoundError:
            new = {"subjects": [f"{self._subject}.>"], "num_replicas": self._replicas}
            found = await stream.add_stream(name=self._stream, **new)
        self._sequence = found.state.last_seq
        if not self._sequence:
            return None
        try:
            last: Any = await stream.get_msg(self._stream, self._sequence)
        except NotFoundError:
            return None
        headers: dict[str, str] = last.headers or {}
        return int(headers[REACHED]) if REACHED in headers else None

    async def _publish(self, messages: Sequence[FactMessage]) -> dict[str, Any]:
        """Publish messages and return the answer to the last."""
        client = self._nats.connection
        if client is None:
            raise ConnectionClosedError
        headers: dict[str, str] = {}
        for n, message in enumerate(messages):
            headers = {
                MSG_ID: f"{message.source}:{message.id}",
                EXPECTED: str(self._sequence + n),
                REACHED: str(message.reached),
            }
            if n < len(messages) - 1:
                await client.publish(self._subject_of(message), message.content, "", headers)
        last = messages[-1]
        answer = await client.request(
            self._subject_of(last), last.content, self._nats.timeout, headers=headers
        )
        return cast("dict[str, Any]", json.loads(answer.data))

    def _subject_of(self, message: FactMessage) -> str:
        return f"{self._subject}.{message.type.partition('.')[2]}"


def problem_of(failure: dict[str, Any], *, alone: bool) -> SinkProblem:
    """Return what an error of the stream means; a message that was sent alone may be at fault."""
    code = failure.get("err_code", 0)
    reason = f"the stream answers {code}"
    return MessageRefused(reason) if alone and code in TOO_LARGE else SinkUnavailable(reason)
