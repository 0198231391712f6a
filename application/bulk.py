"""Many commands in one transaction, by the same rules as one by one: for imports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from addressee.domain import AddresseeError, InvalidValue

from .commands import Command, Together
from .execution.command_runner import Order, Outcome
from .personalization import Personalization
from .unit_of_work.command_context import Context
from .unit_of_work.results import Depersonalized, Personalized, Registered, Result, Updated

R = TypeVar("R", Registered, Personalized, Depersonalized, Updated)
Call = Callable[[Personalization], Result]


def bulk(
    people: Personalization, calls: Iterable[Call], *, transaction: object = None
) -> list[Outcome]:
    """Run many commands in one transaction, each decided on what the ones before it left.

    One that is refused records nothing and takes nothing of the others back.

    Args:
        people: whose store, policies and subscribers count.
        calls: each calls one command on the object it is given, such as
            ``lambda p: p.depersonalize(installation)``; a thousand at once is a good measure.
        transaction: one that the host has open, to take part in, as in `Context`.

    Returns:
        What each answered, or the error by which it was refused, in the order of the calls.

    Raises:
        Conflict, StoreUnavailable: nothing of the whole was recorded.
    """
    taken = [order_of(call) for call in calls]
    orders = [order for order in taken if not isinstance(order, AddresseeError)]
    outcomes = iter(people.execution.run(orders, transaction))
    return [order if isinstance(order, AddresseeError) else next(outcomes) for order in taken]


def together(calls: Sequence[Call]) -> Call:
    """Return one call for several: all of them take effect, or the first refusal is raised.

    Args:
        calls: as for `bulk`, one or more; the first one's context counts for all.
    """

    def call(people: Personalization) -> Result:
        commands: list[Command[Result]] = []
        contexts: list[Context] = []
        for order in map(order_of, calls):
            if isinstance(order, AddresseeError):
                raise order
            commands.append(order[0])
            contexts.append(order[1])
        return people.run(Together(tuple(commands)), contexts[0])

    return call


class Ordered(Exception):  # no error: it carries a command out of the call
    """A command that was called on `OrderTaker`."""

    def __init__(self, command: Command[Result], context: Context) -> None:
        super().__init__()
        self.order = command, context


class OrderTaker(Personalization):
    """Checks a command's arguments as ever, and hands the command over instead of running it."""

    def __init__(self) -> None:
        """Take no store: nothing is run."""

    def expire_sessions(self, now: datetime | None = None) -> list[Depersonalized]:
        """Refuse: it is many commands, and looks at the store in between."""
        raise InvalidValue("expire_sessions", f"can't run in bulk (at {now})")

    def run(self, command: Command[R], context: Context) -> R:
        """Hand the command over."""
        if context.get("transaction") is not None:
            raise InvalidValue("transaction", "is given to the bulk, not to each call")
        raise Ordered(command, context)


def order_of(call: Callable[[Personalization], Result]) -> Order | AddresseeError:
    """Return the command that a call gives, or the error by which its arguments are refused."""
    try:
        call(OrderTaker())
    except Ordered as ordered:
        return ordered.order
    except AddresseeError as refusal:
        return refusal
    raise InvalidValue("call", "gives no command")
