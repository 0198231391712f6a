"""A receiver of webhooks, over TLS, that answers as it is told."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from ..push.services import make_certificate


@dataclass
class Hook:
    """A request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Said:
    """What the receiver answers."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict[str, str])
    after: float = 0.0
    """Seconds that the answer takes."""


class Receiver:
    """Keeps what arrives; ``answer`` gets each request and says what comes back."""

    def __init__(self, folder: Path) -> None:
        self.hooks: list[Hook] = []
        self.answer: Callable[[Hook], Said] = lambda _: Said()
        receiver = self
        files = make_certificate(folder)
        self.trusted = ssl.create_default_context(cafile=str(files[0]))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                hook = Hook(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                said = receiver.answer(hook)
                receiver.hooks.append(hook)
                time.sleep(said.after)
                self.send_response(said.status)
                for name, value in {"content-length": "0", **said.headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # its name there
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, files))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_port}/hook"


@contextmanager
def webhook_receiver(folder: Path) -> Generator[Receiver]:
    """Run a receiver until the block ends."""
    receiver = Receiver(folder)
    thread = Thread(target=receiver.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join(10)
