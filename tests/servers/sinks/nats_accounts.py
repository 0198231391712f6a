"""A NATS server that trusts an operator, and a file with the credentials of a user."""

from __future__ import annotations

import json
import os
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from .brokers import Nats

nkeys: Any = import_module("nkeys")  # it has no types
NO_LIMIT = dict.fromkeys(
    (
        *("subs", "data", "payload", "imports", "exports", "conn", "leaf"),
        *("mem_storage", "disk_storage", "streams", "consumer"),
    ),
    -1,
)
WITHOUT_STREAMS = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn"), -1)
CREDENTIALS = """-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""


class NatsWithAccounts(Nats):
    """A server that serves nobody without credentials.

    Attributes:
        credentials: the file of a user.
        stranger: that of a user whose account the operator has not signed.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        operator, system, account, other = map(new_pair, "OAAO")
        names = [system.public_key.decode(), account.public_key.decode()]
        accounts = [
            signed(operator, pair, {"type": "account", "limits": limits})
            for pair, limits in ((system, WITHOUT_STREAMS), (account, NO_LIMIT))
        ]
        preloaded = ", ".join(map(": ".join, zip(names, accounts, strict=True)))
        lines = [
            f"operator: {signed(operator, operator, {'type': 'operator'})}",
            f"system_account: {names[0]}",
            "resolver: MEMORY",
            f"resolver_preload: {{ {preloaded} }}",
        ]
        (folder / "accounts.conf").write_text("\n".join(lines))
        self.credentials = written(folder / "user.creds", account)
        self.stranger = written(folder / "stranger.creds", other)

    def command(self) -> Sequence[str]:
        return (*super().command(), "-c", str(self.folder / "accounts.conf"))


def new_pair(kind: str) -> Any:  # noqa: ANN401 # of a package without types
    prefix = {"O": "OPERATOR", "A": "ACCOUNT", "U": "USER"}[kind]
    number: int = getattr(nkeys, f"PREFIX_BYTE_{prefix}")
    return nkeys.from_seed(bytearray(nkeys.encode_seed(os.urandom(32), number)))


def signed(issuer: Any, subject: Any, claims: dict[str, Any]) -> str:  # noqa: ANN401 # likewise
    """Return a JWT in which one key says something of another."""
    body = {
        "jti": os.urandom(8).hex(),
        "iat": int(time.time()),
        "iss": issuer.public_key.decode(),
        "sub": subject.public_key.decode(),
        "name": "test",
        "nats": {"version": 2, **claims},
    }
    parts = ({"typ": "JWT", "alg": "ed25519-nkey"}, body)
    text = b".".join(encoded(json.dumps(part).encode()) for part in parts)
    return (text + b"." + encoded(issuer.sign(text))).decode()


def encoded(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")


def written(file: Path, account: Any) -> Path:  # noqa: ANN401 # likewise
    """Write the credentials of a new user of an account."""
    user = new_pair("U")
    claims = {"type": "user", "subs": -1, "data": -1, "payload": -1}
    content = CREDENTIALS.format(jwt=signed(account, user, claims), seed=bytes(user.seed).decode())
    file.write_text(content)
    return file
