"""FCM, APNs, Web Push and the vendor on a local HTTP/2 server with TLS, with any answer wanted."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID
from hypercorn.asyncio import serve
from hypercorn.config import Config

from ..ports import free_port
from .replies import Reply, Request
from .vendor import VendorService

TOKEN_MINUTES = 60


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Browser:
    """A subscription with its private key and its secret."""

    def __init__(
        self, key: ec.EllipticCurvePrivateKey | None = None, secret: bytes = b"0123456789abcdef"
    ) -> None:
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.secret = secret
        self.point = self.key.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )

    @property
    def p256dh(self) -> str:
        return base64.urlsafe_b64encode(self.point).rstrip(b"=").decode()

    @property
    def auth(self) -> str:
        return base64.urlsafe_b64encode(self.secret).rstrip(b"=").decode()

    def read(self, message: bytes) -> bytes:
        """Return what was encrypted for it: RFC 8291, section 3.4, and one record of RFC 8188."""
        salt, length = message[:16], message[20]
        point, record = message[21 : 21 + length], message[21 + length :]
        sender = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        shared = self.key.exchange(ec.ECDH(), sender)
        keys = b"WebPush: info\0" + self.point + point
        secret = HKDF(SHA256(), 32, self.secret, keys).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
        padded = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert len(record) <= int.from_bytes(message[16:20], "big")
        assert padded.endswith(b"\2"), "the last record's delimiter"
        return padded[:-1]


class PushServices:
    """Answers by address: ``replies[address]`` says what; everything else is accepted."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.replies: dict[str, Reply] = {}
        self.requests: list[Request] = []
        self.under_way = Counter[tuple[str, int]]()
        self.most_under_way = 0
        """Most requests that one connection has had at a time."""
        self.tokens = 0
        self.google = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.apple = ec.generate_private_key(ec.SECP256R1())
        self.browser = Browser()
        self.vendor = VendorService()
        self.certificate = make_certificate(folder)

    @property
    def account(self) -> dict[str, str]:
        """A service account as Google's file has it."""
        return {
            "client_email": "sender@project.example",
            "private_key": pem(self.google),
            "private_key_id": "k1",
            "token_uri": f"{self.url}/token",
        }

    def trusted(self) -> ssl.SSLContext:
        """Return what trusts this server."""
        return ssl.create_default_context(cafile=str(self.certificate[0]))

    def sent(self, path: str) -> list[Request]:
        return [each for each in self.requests if each.path.startswith(path)]

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        connection = tuple(scope["client"])
        self.under_way[connection] += 1
        self.most_under_way = max(self.most_under_way, self.under_way[connection])
        reply = await self.reply(scope, body)
        self.under_way[connection] -= 1
        content = json.dumps(reply.body).encode()
        length = len(content) + (1_000 if reply.broken else 0)
        told = {"content-length": str(length), **reply.headers}
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [(name.encode(), value.encode()) for name, value in told.items()],
            }
        )
        await send({"type": "http.response.body", "body": content})

    async def reply(self, scope: dict[str, Any], body: bytes) -> Reply:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path: str = scope["path"]
        if path == "/token":
            reply = self.token(body)
        elif path.startswith("/v1/projects/"):
            reply = self.fcm(path, headers, body, scope["http_version"])
        elif path.startswith("/push/3/"):
            reply = self.vendor(scope["method"], path, scope["query_string"], headers, body)
        elif path.startswith("/3/device/"):
            reply = self.apns(path, headers, body, scope["http_version"])
        else:
            reply = self.webpush(path, headers, body, scope["http_version"])
        while len(self.requests) < reply.after:  # noqa: ASYNC110 # no event of each request is kept
            await asyncio.sleep(0.002)
        return reply

    def token(self, body: bytes) -> Reply:
        form = parse_qs(body.decode())
        claims = jwt.decode(
            form["assertion"][0],
            self.google.public_key(),
            algorithms=["RS256"],
            audience=f"{self.url}/token",
        )
        assert claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
        self.tokens += 1
        return Reply(body={"access_token": f"access-{self.tokens}", "expires_in": 3600})

    def fcm(self, path: str, headers: dict[str, str], body: bytes, version: str) -> Reply:
        message = json.loads(body)["message"]
        self.requests.append(Request(path, headers, message, version))
        if not headers["authorization"].startswith("Bearer access-"):
            return fcm_error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")
        address = message.get("fid") or message["token"]
        return self.replies.get(address) or Reply(body={"name": f"{path}/{address}"})

    def apns(self, path: str, headers: dict[str, str], body: bytes, version: str) -> Reply:
        self.requests.append(Request(path, headers, json.loads(body), version))
        token = headers["authorization"].removeprefix("bearer ")
        claims = jwt.decode(token, self.apple.public_key(), algorithms=["ES256"])
        made = datetime.fromtimestamp(claims["iat"], UTC)
        if datetime.now(UTC) - made > timedelta(minutes=TOKEN_MINUTES):
            return Reply(403, {"reason": "ExpiredProviderToken"})
        reply = self.replies.get(path.removeprefix("/3/device/"))
        return reply or Reply(headers={"apns-id": "apns-1"})

    def webpush(self, path: str, headers: dict[str, str], body: bytes, version: str) -> Reply:
        plain = self.browser.read(body)
        self.requests.append(Request(path, headers, json.loads(plain), version))
        return self.replies.get(path) or Reply(201, headers={"location": f"{self.url}/m/1"})


def fcm_error(status: int, name: str, code: str | None) -> Reply:
    """Return an error as FCM writes it; with its own detail where there is a code."""
    detail = {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}
    details = [] if code is None else [detail]
    return Reply(status, {"error": {"code": status, "status": name, "details": details}})


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for localhost and its key, and return their files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_text(pem(key))
    return files


@contextmanager
def push_services(folder: Path) -> Generator[PushServices]:
    """Run the services until the block ends."""
    services = PushServices(folder)
    config = Config()
    config.keep_alive_timeout = 300  # a busy machine may leave a connection idle for long
    config.bind = [f"127.0.0.1:{services.port}"]
    config.certfile, config.keyfile = map(str, services.certificate)
    config.alpn_protocols = ["h2"]
    config.errorlog = config.accesslog = None
    runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
    loop, stop = runner.get_loop(), asyncio.Event()

    async def run() -> None:
        await serve(services, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type] # ASGI

    def work() -> None:
        with runner:  # which ends what waits for connections that are idle
            runner.run(run())

    thread = Thread(target=work, daemon=True)
    thread.start()
    wait_for(services.port)
    try:
        yield services
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def wait_for(port: int) -> None:
    """Return once something listens."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError("the push services did not start")
