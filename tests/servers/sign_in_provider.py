"""An identity provider at which people sign in: OpenID Connect, authorization code with PKCE."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from email.message import Message
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from .identity_provider import Answer, IdentityProvider

CLIENT, SECRET = "addressee:portal", "s3cret: with % and +"


def found(path: str, **query: str) -> Answer:
    return 302, {"location": f"{path}{'?' if query else ''}{urlencode(query)}"}, b""


def said(content: object, status: int = 200) -> Answer:
    return status, {"content-type": "application/json"}, json.dumps(content).encode()


class SignInProvider(IdentityProvider):
    """Signs everybody in at once, as the person whose claims it has.

    Attributes:
        person: claims of whoever signs in.
        token_of: makes the ID token of the usual claims.
        discovery: changes its discovery document.
        exchanges: the forms that came to its token endpoint.
        statuses: path → the status of all answers there.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self.person: dict[str, Any] = {}
        self.token_of: Callable[[dict[str, Any]], str] = lambda claims: self.token(**claims)
        self.discovery: dict[str, object] = {}
        self.exchanges: list[dict[str, str]] = []
        self.statuses: dict[str, int] = {}
        self._now = now
        self._codes: dict[str, dict[str, str]] = {}

    def answer(self, path: str, headers: Message, sent: bytes) -> Answer:
        """Return what it answers."""
        parts = urlsplit(path)
        query, form = dict(parse_qsl(parts.query)), dict(parse_qsl(sent.decode()))
        if parts.path in self.statuses:
            return self.statuses[parts.path], {"location": f"{self.url}/keys"}, b"{}"
        match parts.path:
            case "/.well-known/openid-configuration":
                return said({**self.document_of_endpoints(), **self.discovery})
            case "/authorize":
                return self._authorized(query)
            case "/token":
                return self._exchanged(form, headers)
            case "/logout":
                return found(query["post_logout_redirect_uri"])
            case _:
                return super().answer(path, headers, sent)

    def document_of_endpoints(self) -> dict[str, object]:
        """Return its discovery document."""
        named = {"authorization_endpoint": "authorize", "token_endpoint": "token"}
        named |= {"jwks_uri": "keys", "end_session_endpoint": "logout"}
        return {"issuer": self.url, **{name: f"{self.url}/{end}" for name, end in named.items()}}

    def _authorized(self, query: dict[str, str]) -> Answer:
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = f"code {len(self._codes)}"
        self._codes[code] = query
        return found(query["redirect_uri"], code=code, state=query["state"], iss=self.url)

    def _exchanged(self, form: dict[str, str], headers: Message) -> Answer:
        self.exchanges.append(form)
        asked = self._codes.get(form["code"], {})
        self._codes[form["code"]] = {}
        pair = urlencode({CLIENT: SECRET}).replace("=", ":", 1)
        proven = headers.get("authorization") == f"Basic {b64encode(pair.encode()).decode()}"
        hashed = sha256(form["code_verifier"].encode()).digest()
        challenge = urlsafe_b64encode(hashed).rstrip(b"=").decode()
        if not proven:
            return said({"error": "invalid_client"}, 401)
        if asked.get("redirect_uri") != form["redirect_uri"]:
            return said({"error": "invalid_grant"}, 400)
        if asked["code_challenge"] != challenge:
            return said({"error": "invalid_grant"}, 400)
        times = {"iat": self._now(), "exp": self._now() + 300}
        usual = {"iss": self.url, "aud": CLIENT, "nonce": asked["nonce"], **times, **self.person}
        return said({"token_type": "Bearer", "id_token": self.token_of(usual)})
