"""From the answers of push services to what became of each installation of a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..ports.delivery.dispatches import Fate
from ..ports.delivery.push import Accepted, Answer, Dead, Rejected, Retry, Unknown
from ..ports.records import Recipient

ATTEMPTS = 6
"""How often a message is tried before it counts as rejected."""
BACKOFF = 10.0
"""The least time before a second attempt, in seconds; each further one waits twice as long."""
WAVE_SHARE, WAVE_LEAST = 0.2, 2
"""Dead addresses of a service are a wave if they are more than this share of its part of a batch,
and at least so many: one address that is dead is no sign of a wrong project."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the answers to a batch mean.

    Attributes:
        fates: ordinal → what became of it.
        retry_after: in how many seconds those that are to be sent again may be.
        held: service → for how many seconds it asked to be left alone.
        expired: recipients whose address is dead, and was registered before it died (R41).
        problem: why the dispatch is to pause, if it is.
    """

    fates: Mapping[int, Fate]
    retry_after: float
    held: Mapping[str, float]
    expired: Sequence[Recipient]
    problem: str | None


def settlement(
    answers: Sequence[tuple[Recipient, Answer]], attempt: int, *, resend_unknown: bool
) -> Settlement:
    """Return what the answers to a batch mean.

    Args:
        answers: one a recipient.
        attempt: how often these recipients have been tried, this time included.
        resend_unknown: whether those of unknown outcome are sent again (R40).
    """
    waves = {*waves_in(answers)}
    wait = BACKOFF * 2 ** (attempt - 1)
    fates: dict[int, Fate] = {}
    held: dict[str, float] = {}
    expired: list[Recipient] = []
    problem = None
    if waves:
        named = ", ".join(sorted(waves))
        problem = f"too many dead addresses of {named}: a wrong project, environment or topic?"
    for recipient, answer in answers:
        service = recipient.service
        fates[recipient.ordinal] = fate_of(answer, attempt, resend_unknown=resend_unknown)
        match answer:
            case Dead(at=at) if service not in waves and (at is None or recipient.since < at):
                expired.append(recipient)
            case Rejected(reason, misconfigured=True):
                problem = problem or f"{service} refuses every message: {reason}"
            case Retry(after=after, hold=hold) if after:
                wait = max(wait, after)
                if hold:
                    held[service] = max(after, held.get(service, 0.0))
            case _:
                pass
    return Settlement(fates, wait, held, expired, problem)


def fate_of(answer: Answer, attempt: int, *, resend_unknown: bool) -> Fate:
    """Return what becomes of a recipient; arguments as for `settlement`."""
    match answer:
        case Accepted(name):
            return Fate("accepted", name)
        case Dead(reason):
            return Fate("dead", reason)
        case Rejected(reason):
            return Fate("rejected", reason)
        case Unknown(reason):
            again = resend_unknown and attempt < ATTEMPTS
            return Fate("retry" if again else "unknown", reason)
        case Retry(reason):
            if attempt < ATTEMPTS:
                return Fate("retry", reason)
            return Fate("rejected", f"given up after {attempt} attempts: {reason}")


def waves_in(answers: Sequence[tuple[Recipient, Answer]]) -> Iterator[str]:
    """Yield the services that call too many of their addresses dead."""
    dead: dict[str, int] = defaultdict(int)
    asked: dict[str, int] = defaultdict(int)
    for recipient, answer in answers:
        asked[recipient.service] += 1
        dead[recipient.service] += isinstance(answer, Dead)
    for service, count in dead.items():
        if count >= WAVE_LEAST and count > WAVE_SHARE * asked[service]:
            yield service
