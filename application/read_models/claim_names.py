"""How claims are named: by the store's identifier key, which may have been replaced (R5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from addressee.domain import IdentifierClaimRenamed, IdentifierKey, key_fingerprint

from ..ports.store import Viewable
from ..ports.transaction_views import View


def identifier_keys(view: View) -> IdentifierKey:
    """Return the identifier keys that a store has had, by their fingerprints."""
    keys = IdentifierKey()
    return keys.fold(event for _, event in view.streams({keys.id: 0}).get(keys.id, ()))


def check_key(view: View, key: bytes) -> None:
    """Raise IdentifierKeyOutdated if another identifier key names the claims by now."""
    identifier_keys(view).check(key)


def first_fingerprint(store: Viewable) -> str:
    """Return the fingerprint of the key that a store began with, which names its ledger."""
    with store.reading() as view:
        keys = identifier_keys(view)
    return keys.known[0] if keys.known else key_fingerprint(store.identifier_key)


def streams_of(view: View, claims: Iterable[str]) -> Mapping[str, list[str]]:
    """Return claim → the streams that it is and was in, the newest first.

    Args:
        view: of the present.
        claims: as the newest identifier key names them.
    """
    found = {claim: [claim] for claim in claims}
    following = dict(zip(found, found, strict=True))
    while following:
        recorded = view.streams(dict.fromkeys(following, 0))
        earlier: dict[str, str] = {}
        for stream, claim in following.items():
            first = recorded[stream][0].event if stream in recorded else None
            if isinstance(first, IdentifierClaimRenamed):
                found[claim].append(first.earlier)
                earlier[first.earlier] = claim
        following = earlier
    return found
