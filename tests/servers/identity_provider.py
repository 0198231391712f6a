"""An identity provider on a real socket, with any keys, tokens and answers wanted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from email.message import Message
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from addressee.domain import TokenIssuer

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body."""
FAR = 4_000_000_000
"""A second that is far ahead, as tokens count them."""


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return a key of a size, made once: that takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def new_key(algorithm: str = "ES256") -> PrivateKey:
    """Return a new key for an algorithm; for RS256 always the same."""
    match algorithm:
        case "RS256":
            return rsa_key()
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return ec.generate_private_key(ec.SECP256R1())


def jwk(key: PrivateKey, kid: str, **fields: object) -> dict[str, Any]:
    """Return the public half of a key as a JSON web key."""
    match key.public_key():
        case rsa.RSAPublicKey() as public:
            given = RSAAlgorithm.to_jwk(public, as_dict=True)
        case ec.EllipticCurvePublicKey() as public:
            given = ECAlgorithm.to_jwk(public, as_dict=True)
        case public:
            given = OKPAlgorithm.to_jwk(public, as_dict=True)
    usual = {key: value for key, value in given.items() if key != "key_ops"}
    return {**usual, "use": "sig", "kid": kid, **fields}


class IdentityProvider:
    """Signs tokens with keys of its own and publishes their public halves.

    Attributes:
        published: the JSON web keys at ``/keys``, by kid.
        asked: how often each path was asked for.
        body: what ``/keys`` answers in place of them.
        status: the status of its answers.
        before: is called before each answer, such as to wait.
        pace: seconds before each byte of an answer.
    """

    def __init__(self) -> None:
        self.keys: dict[str, tuple[str, PrivateKey]] = {}
        self.published: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.body: bytes | None = None
        self.status = 200
        self.headers: dict[str, str] = {}
        self.before: Callable[[], object] = lambda: None
        self.pace = 0.0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                provider.before()
                sent = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, headers, body = provider.answer(self.path, self.headers, sent)
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                for n in range(len(body)) if provider.pace else ():
                    time.sleep(provider.pace)
                    self.wfile.write(body[n : n + 1])
                    self.wfile.flush()
                if not provider.pace:
                    self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 # its name there

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # its name there
                pass

            def handle(self) -> None:
                with suppress(BrokenPipeError, ConnectionResetError):  # the client had enough
                    super().handle()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.rotate("first")

    def answer(self, path: str, headers: Message, sent: bytes) -> Answer:  # noqa: ARG002 # others look at them
        """Return what it answers."""
        return self.status, self.headers, self.document if self.body is None else self.body

    @property
    def document(self) -> bytes:
        """The key set as it is published."""
        return json.dumps({"keys": list(self.published.values())}).encode()

    def add(self, kid: str, algorithm: str = "ES256", key: PrivateKey | None = None) -> PrivateKey:
        """Publish one more key."""
        made = key or new_key(algorithm)
        self.keys[kid] = algorithm, made
        self.published[kid] = jwk(made, kid, alg=algorithm)
        return made

    def rotate(self, kid: str, algorithm: str = "ES256") -> None:
        """Publish a new key in place of all others; it signs from now on."""
        self.keys, self.published = {}, {}
        self.add(kid, algorithm)

    def trusted(self, audience: str = "shop-app", **settings: object) -> TokenIssuer:
        """Return the configuration of an application that trusts it."""
        usual = {"issuer": self.url, "jwks": f"{self.url}/keys", "audiences": (audience,)}
        return TokenIssuer.model_validate({**usual, **settings})

    def token(
        self,
        sub: str | None = "ali",
        kid: str | None = None,
        header: Mapping[str, object] | None = None,
        **claims: object,
    ) -> str:
        """Return a signed token; a claim that is None is left out."""
        signer = kid if kid in self.keys else [*self.keys][-1]
        algorithm, key = self.keys[signer]
        usual = {"iss": self.url, "aud": "shop-app", "sub": sub, "iat": time.time(), "exp": FAR}
        given = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(given, key, algorithm, {"kid": kid or signer, **(header or {})})


@contextmanager
def identity_provider() -> Generator[IdentityProvider]:
    """Run a provider until the block ends."""
    provider = IdentityProvider()
    with running(provider):
        yield provider


@contextmanager
def running(provider: IdentityProvider) -> Generator[None]:
    """Have a provider answer until the block ends."""
    thread = Thread(target=provider.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        provider.server.shutdown()
        provider.server.server_close()
        thread.join(10)
