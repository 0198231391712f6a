"""A service that takes a message and never says so: nothing is sent again (R40)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded

from addressee.adapters.push.concurrent_posts import Posts
from addressee.adapters.push.fcm import FcmPush
from addressee.application import Unknown
from tests.integration.push.conftest import HELLO, to
from tests.servers.push.services import make_certificate


class Leaver:
    """Speaks HTTP/2, takes requests and answers none.

    Attributes:
        silent: whether it keeps a connection on which it does not answer, or else closes it.
        goaway: the last stream that it says it has seen to before; None to say nothing.
        requests: how many came.
    """

    def __init__(self, folder: Path) -> None:
        files = make_certificate(folder)
        self.trusted = ssl.create_default_context(cafile=str(files[0]))
        self.silent = False
        self.goaway: int | None = None
        self.requests = 0
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(*map(str, files))
        self._tls.set_alpn_protocols(["h2"])
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self.socket.getsockname()[1]}"

    def serve(self, connections: int) -> None:
        for _ in range(connections):
            connection, _ = self.socket.accept()
            with self._tls.wrap_socket(connection, server_side=True) as client:
                self._talk(client)

    def _talk(self, client: ssl.SSLSocket) -> None:
        protocol = H2Connection(H2Configuration(client_side=False))
        protocol.initiate_connection()
        client.sendall(protocol.data_to_send())
        while data := client.recv(65_536):
            ended = [e for e in protocol.receive_data(data) if isinstance(e, StreamEnded)]
            self.requests += len(ended)
            leaves = ended and not self.silent
            if leaves and self.goaway is not None:
                protocol.close_connection(last_stream_id=self.goaway)
            client.sendall(protocol.data_to_send())
            if leaves:
                return


@pytest.fixture
def leaver(tmp_path: Path) -> Generator[Leaver]:
    found = Leaver(tmp_path)
    yield found
    found.socket.close()


@pytest.mark.parametrize("seen_to", [None, 0, 1])
def test_R40_a_service_that_goes_away_leaves_the_message_unknown(
    leaver: Leaver, seen_to: int | None
) -> None:
    leaver.goaway = seen_to
    push = FcmPush("p1", lambda: "token", url=leaver.url, verify=leaver.trusted)
    with ThreadPoolExecutor(1) as threads:
        served = threads.submit(leaver.serve, 1)
        [answer] = push.send(HELLO, [to("t")])
        served.result()
    push.close()
    assert leaver.requests == 1
    # Which it is depends on what comes first: the end, or a refusal of what was sent after it.
    broken = ("RemoteProtocolError", "ReadError")
    assert answer in [Unknown(f"the connection broke: {how}") for how in broken]


def test_R40_an_answer_that_never_comes_leaves_the_message_unknown(leaver: Leaver) -> None:
    leaver.silent = True
    posts = Posts(verify=leaver.trusted, timeout=2.0)
    with ThreadPoolExecutor(1) as threads:
        served = threads.submit(leaver.serve, 1)
        answer = posts.post(f"{leaver.url}/v1/send", b"{}", {})
        posts.close()
        served.result()
    assert answer == Unknown("the connection broke: ReadTimeout")
    assert leaver.requests <= 1
