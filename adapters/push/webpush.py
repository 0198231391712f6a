"""Web Push (RFC 8030), encrypted for the browser (RFC 8291), signed by the sender (RFC 8292)."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import ssl
import time
from collections.abc import Collection, Sequence
from threading import Lock
from urllib.parse import urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from addressee.adapters.outbound_http.address_guard import GuardedTransport
from addressee.adapters.outbound_http.retries import retry_after
from addressee.application import Accepted, Answer, Dead, Message, Recipient, Rejected, Retry
from addressee.domain import InvalidValue

from .concurrent_posts import CONCURRENCY, LIMITS, Posts

RECORD = 4096
"""Bytes of the one record, which holds the whole message."""
PAYLOAD_LIMIT = 3993
"""Bytes of a message: services take 4,096 in all (RFC 8291, section 4)."""
SECRET = 16
"""Bytes of a browser's secret."""
DEFAULT_TTL = 28 * 24 * 3600
TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
SIGNED_FOR, RENEWED_AFTER = 12 * 3600, 11 * 3600
"""Seconds that a signature is good for, and after which it is made anew; 24 hours are the most."""
QUOTA_WAIT, OUTAGE_WAIT = 60.0, 10.0


class Vapid:
    """Signatures of one sender, one for each push service.

    Args:
        key: the private key, P-256, PEM.
        contact: where its owner can be reached, ``mailto:`` or ``https:``.

    Raises:
        InvalidValue: the key is no such key, or the contact no such address.
    """

    def __init__(self, key: str, contact: str) -> None:
        if not contact.startswith(("mailto:", "https:")):
            raise InvalidValue("contact", "should begin with mailto: or https:")
        try:
            private = load_pem_private_key(key.encode(), password=None)
        except ValueError:
            private = None
        if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.key_size != 256:  # noqa: PLR2004 # P-256
            raise InvalidValue("key", "should be a private key on P-256, PEM")
        self._private, self._contact = private, contact
        self._public = encoded(point_of(private.public_key()))
        self._lock = Lock()
        self._signed: dict[str, tuple[float, str]] = {}

    def authorization(self, endpoint: str) -> str:
        """Return the header for an endpoint, whose origin is the audience."""
        parts = urlsplit(endpoint)
        origin = f"{parts.scheme}://{parts.netloc}"
        now = time.time()
        with self._lock:
            made, value = self._signed.get(origin, (0.0, ""))
            if now - made > RENEWED_AFTER:
                claims = {"aud": origin, "exp": int(now) + SIGNED_FOR, "sub": self._contact}
                token = jwt.encode(claims, self._private, algorithm="ES256")
                value = f"vapid t={token}, k={self._public}"
                self._signed[origin] = now, value
        return value


class WebPush:
    """Sends to browsers, each at the endpoint that it names.

    Endpoints come from devices, so connections go to public addresses only, over HTTPS, and follow
    no redirect.

    Args:
        vapid: signs.
        allow: host names that may lead to addresses that are not public, for tests.
        concurrency: most requests under way.
        verify: which certificates are trusted.
    """

    def __init__(
        self,
        vapid: Vapid,
        *,
        allow: Collection[str] = (),
        concurrency: int = CONCURRENCY,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self._vapid = vapid

        def guarded(trusted: ssl.SSLContext) -> GuardedTransport:
            return GuardedTransport(allow, http2=True, verify=trusted, limits=LIMITS)

        self._posts = Posts(concurrency=concurrency, verify=verify, transport=guarded)

    def send(self, message: Message, recipients: Sequence[Recipient]) -> list[Answer]:
        """Send a message to each recipient."""
        payload = payload_of(message)
        if len(payload) > PAYLOAD_LIMIT:
            problem = f"the message has {len(payload)} of {PAYLOAD_LIMIT} bytes"
            return [Rejected(problem)] * len(recipients)
        common = headers_of(message)

        def answer(recipient: Recipient) -> Answer:
            details = recipient.details
            if not is_url(recipient.address):
                return Rejected("the endpoint is no URL")
            try:
                body = encrypted(payload, details["p256dh"], details["auth"])
            except (KeyError, ValueError):
                return Rejected("the device's keys p256dh and auth are missing or malformed")
            headers = {**common, "authorization": self._vapid.authorization(recipient.address)}
            response = self._posts.post(recipient.address, body, headers)
            return answer_of(response) if isinstance(response, httpx.Response) else response

        return list(self._posts.each(answer, recipients))

    def close(self) -> None:
        """Close the connections."""
        self._posts.close()


def is_url(endpoint: str) -> bool:
    """Return whether an endpoint can be asked for: it is what a device says."""
    try:
        return bool(httpx.URL(endpoint).host and urlsplit(endpoint).netloc)
    except (httpx.InvalidURL, ValueError):
        return False


def payload_of(message: Message) -> bytes:
    """Return the JSON that the browser's service worker gets."""
    shown = {"title": message.title, "body": message.body, "data": dict(message.data)}
    return json.dumps({name: value for name, value in shown.items() if value}).encode()


def headers_of(message: Message) -> dict[str, str]:
    """Return the headers of a message."""
    headers = {
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        "ttl": str(DEFAULT_TTL if message.ttl is None else message.ttl),
        "urgency": message.priority,
    }
    if (key := message.collapse_key) is not None:
        # A topic has 32 letters of base64url (RFC 8030, section 5.4); any other key is hashed.
        digest = encoded(hashlib.sha256(key.encode()).digest())[:32]
        headers["topic"] = key if TOPIC.fullmatch(key) else digest
    return headers


def answer_of(response: httpx.Response) -> Answer:
    """Return what a response means; it says nothing of other endpoints, so nothing pauses."""
    status = response.status_code
    match status:
        case 200 | 201 | 202:
            return Accepted(response.headers.get("location", "")[:500])
        case 404 | 410:
            return Dead(str(status))
        case 429:
            return Retry(str(status), retry_after(response, QUOTA_WAIT), hold=False)
        case _ if status >= 500:  # noqa: PLR2004 # the server's own failures
            return Retry(str(status), retry_after(response, OUTAGE_WAIT), hold=False)
        case _:
            return Rejected(str(status))


def encrypted(
    payload: bytes,
    p256dh: str,
    auth: str,
    *,
    private: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """Return a message that only the browser can read: aes128gcm of one record (RFC 8291, 8188).

    Args:
        payload: the message.
        p256dh: the browser's public key, base64url.
        auth: the browser's secret, base64url.
        private: the sender's key for this message; a new one by default, as it has to be.
        salt: 16 bytes, likewise.

    Raises:
        ValueError: a key is malformed.
    """
    theirs = decoded(p256dh)
    secret = decoded(auth)
    if len(secret) != SECRET:
        raise ValueError("auth has the wrong length")
    private = private or ec.generate_private_key(ec.SECP256R1())
    salt = salt or os.urandom(16)
    ours = point_of(private.public_key())
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
    shared = private.exchange(ec.ECDH(), public)
    material = derived(shared, secret, b"WebPush: info\0" + theirs + ours, 32)
    key = derived(material, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = derived(material, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return header + AESGCM(key).encrypt(nonce, payload + b"\x02", None)


def derived(material: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """Return a key of so many bytes (HKDF)."""
    return HKDF(SHA256(), length, salt, info).derive(material)


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a public key as 65 bytes."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encoded(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return what base64url says, with or without padding; raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
