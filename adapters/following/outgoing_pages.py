"""The ledger on its way into a stream: what a `Relay` sends in place of facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from addressee.adapters.ledger_files.jsonl import line_of
from addressee.application import START, AuditableStore, FactMessage, SealedStore, Stored
from addressee.application.read_models.claim_names import check_key
from addressee.application.relay.batches import Batch
from addressee.application.relay.relay import SOURCE
from addressee.domain import LedgerStreamInvalid, key_fingerprint

from .page import PageHeading, digest_after, written_page

PAGE_BYTES = 1 << 18
"""About how many bytes a message has; one with a large event has more. NATS takes a megabyte."""
TYPE = "addressee.LedgerPage.v1"
READ = 5_000
"""How many events are read at once to find the digest of what was sent earlier."""


class LedgerPages:
    """Gives the whole ledger page by page, each event as it is stored, at its position.

    The stream alone says how far it is, so nothing comes twice and nothing is left out, whatever
    the relay has noted or is told. It needs no keys of a sealed store.

    Args:
        store: whose ledger.
    """

    def __init__(self, store: AuditableStore) -> None:
        self._store = store
        self._digests = {0: START}
        """Position → digest of the ledger, where the stream may be."""
        self._reached = -1
        """The last position of the stream that the ledger was seen to have."""

    def __call__(self, position: int, held: int, limit: int) -> Batch | None:
        """Return the messages behind those that the stream has; None if it has all.

        Raises:
            LedgerStreamInvalid: the stream has more than the ledger, which is another one, or was
                restored to an earlier state.
            IdentifierKeyOutdated: the identifier key was replaced since the store was opened.
        """
        settled = self._store.settled()
        if settled <= held == self._reached:
            return None
        with self._store.auditing() as audit:
            check_key(audit, self._store.identifier_key)
            if audit.last() < held:
                problem = f"is ahead of the ledger, which ends at {audit.last()}: it is another's"
                raise LedgerStreamInvalid(f"position {held}", problem)
            events = audit.stored(held, limit, settled)
        self._reached = held
        if not events:
            return None
        digest = self._digests.get(held) or self._digest(held)
        self._digests = {held: digest}
        messages: list[FactMessage] = []
        after = held
        for lines, page in divided(events):
            digest = digest_after(digest, page)
            last = page[-1].position
            self._digests[last] = digest
            heading = self._heading(after, page, digest)
            content = written_page(heading, lines, self._store.identifier_key)
            source = f"{SOURCE}{heading.key_fingerprint}"
            messages.append(FactMessage(last, str(last), TYPE, source, "", content, last))
            after = last
        return Batch(position, after, messages, len(events) == limit)

    def _heading(self, after: int, page: Sequence[Stored], digest: bytes) -> PageHeading:
        store = self._store
        return PageHeading(
            page=1,
            key_fingerprint=key_fingerprint(store.identifier_key),
            indexed_attributes=sorted(store.indexed_attributes),
            after=after,
            last=page[-1].position,
            events=len(page),
            digest=digest.hex(),
            sealed_as=store.sealed_as if isinstance(store, SealedStore) else None,
        )

    def _digest(self, position: int) -> bytes:
        """Return the digest up to a position, from the newest seal before it on."""
        digest, after, number = START, 0, 0
        with self._store.auditing() as audit:
            while seals := audit.seals(number, READ):
                number = seals[-1].number
                for seal in seals:
                    if seal.last <= position:
                        digest, after = seal.digest, seal.last
            while events := audit.stored(after, READ, position):
                digest = digest_after(digest, events)
                after = events[-1].position
        return digest


def divided(events: Sequence[Stored]) -> Iterator[tuple[list[bytes], list[Stored]]]:
    """Yield events, as lines and as they are, in pages that are bounded by their size."""
    lines: list[bytes] = []
    page: list[Stored] = []
    size = 0
    for event in events:
        line = line_of(event)
        if page and size + len(line) > PAGE_BYTES:
            yield lines, page
            lines, page, size = [], [], 0
        lines.append(line)
        page.append(event)
        size += len(line)
    yield lines, page
