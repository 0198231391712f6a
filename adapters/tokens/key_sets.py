"""JSON Web Key Sets (RFC 7517): the public keys in them that may verify a signature."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
MOST_KEYS = 100
"""Most keys of a set."""
RSA_BITS = range(2048, 4097)
"""Sizes of RSA keys: smaller ones are forged (RFC 7518, section 3.3), larger ones take too long."""


class KeyName(NamedTuple):
    """A key is found by both, so that no token chooses the algorithm of a key.

    Args:
        kid: the key's id.
        algorithm: the one that its type is for.
    """

    kid: str
    algorithm: str


class KeySetInvalid(Exception):
    """A document is no key set that can be used; the text says why."""


class KeyKind(NamedTuple):
    """A kind of key with the one algorithm that it verifies.

    Args:
        algorithm: name of the algorithm (RFC 7518, section 3.1).
        read: returns a key of a JSON object; raises an error if that has none.
        public: the type of the key.
    """

    algorithm: str
    read: Callable[[dict[str, Any]], object]
    public: type[PublicKey]


KINDS: Mapping[tuple[object, object], KeyKind] = {
    ("RSA", None): KeyKind("RS256", RSAAlgorithm.from_jwk, RSAPublicKey),
    ("EC", "P-256"): KeyKind("ES256", ECAlgorithm.from_jwk, EllipticCurvePublicKey),
    ("OKP", "Ed25519"): KeyKind("EdDSA", OKPAlgorithm.from_jwk, Ed25519PublicKey),
}
"""Type and curve of a key → its kind; symmetric keys are none."""
ALGORITHMS = tuple(kind.algorithm for kind in KINDS.values())


def key_set(document: bytes) -> Mapping[KeyName, PublicKey]:
    """Return the keys of a document that may verify tokens.

    Others are passed over (RFC 7517, section 5): those for encryption, of other kinds and sizes,
    without an id, private ones, which are no secret any more, and malformed ones.

    Raises:
        KeySetInvalid: the document is no key set, or has too many keys, or none that can be used.
    """
    try:
        content: object = json.loads(document)
    except (ValueError, RecursionError):
        raise KeySetInvalid("it is no JSON") from None
    given = cast("dict[str, object]", content).get("keys") if isinstance(content, dict) else None
    if not isinstance(given, list):
        raise KeySetInvalid("it has no list of keys")
    listed = cast("list[object]", given)
    if len(listed) > MOST_KEYS:
        raise KeySetInvalid(f"it has {len(listed)} keys; {MOST_KEYS} are the most")
    found: dict[KeyName, PublicKey] = {}
    for each in listed:
        if (named := named_key(each)) is not None:
            found.setdefault(*named)
    if not found:
        raise KeySetInvalid(f"it has no key for {', '.join(ALGORITHMS)} with a kid")
    return found


def named_key(given: object) -> tuple[KeyName, PublicKey] | None:
    """Return a key of a set with its name, or None if it may not verify tokens."""
    if not isinstance(given, dict):
        return None
    fields = cast("dict[str, object]", given)
    kind, kid = kind_of(fields), fields.get("kid")
    key = None if kind is None else public_key(kind, fields)
    if kind is None or key is None or not isinstance(kid, str):
        return None
    return KeyName(kid, kind.algorithm), key


def kind_of(fields: Mapping[str, object]) -> KeyKind | None:
    """Return the kind of a key that its issuer means for signatures, or None."""
    kty, operations = fields.get("kty"), fields.get("key_ops", ["verify"])
    kind = KINDS.get((str(kty), None if kty == "RSA" else str(fields.get("crv"))))
    usable = (
        kind is not None
        and fields.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and fields.get("alg", kind.algorithm) == kind.algorithm
        and "d" not in fields
    )
    return kind if usable else None


def public_key(kind: KeyKind, fields: dict[str, object]) -> PublicKey | None:
    """Return the key in well-formed fields, or None."""
    try:
        key = kind.read(fields)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if isinstance(key, RSAPublicKey) and key.key_size not in RSA_BITS:
        return None
    return key if isinstance(key, kind.public) else None
