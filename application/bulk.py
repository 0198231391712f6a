"""Many commands in one transaction, by the same rules as one by one: for imports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NoReturn, TypeVar, cast

from addressee.domain import AddresseeError, InvalidValue

from .commands import Command, Together
from .execution.command_runner import Order, Outcome
from .personalization import Personalization
from .unit_of_work.command_context import CONTEXT, Context, check_names
from .unit_of_work.results import Depersonalized, Merged, Personalized, Registered, Result, Updated

R = TypeVar("R", Registered, Personalized, Depersonalized, Updated, Merged)
Call = Callable[[Personalization], Result]


def bulk(
    people: Personalization, calls: Iterable[Call], *, transaction: object = None
) -> list[Outcome]:
    """Run many commands in one transaction, each decided on the state that the ones before it left.

    A refused command records nothing and undoes none of the others.

    Args:
        people: its store, policies and subscribers are used.
        calls: each calls one command on the object it is given, such as
            ``lambda p: p.depersonalize(installation)``; a thousand at once is a good size.
        transaction: one that the host has open, to take part in, as in `Context`.

    Returns:
        The result of each, or the error that refused it, in the order of the calls.

    Raises:
        Conflict, StoreUnavailable: nothing of the whole was recorded.
    """
    tried = [order_or_refusal(call) for call in calls_in(calls)]
    orders = [order for order in tried if isinstance(order, Order)]
    outcomes = iter(people.execution.run(orders, transaction))
    return [next(outcomes) if isinstance(order, Order) else order for order in tried]


def together(calls: Sequence[Call]) -> Call:
    """Return one call for several: all of them take effect, or the first refusal is raised.

    Args:
        calls: as for `bulk`, one or more; the first one's context counts for all.
    """

    def call(people: Personalization) -> Result:
        orders = [order_of(one) for one in calls_in(calls)]
        if not orders:
            raise InvalidValue("calls", "should be at least one")
        return people.run(Together(tuple(order.command for order in orders)), orders[0].context)

    return call


class OrderBuilder(Personalization):
    """A front door whose methods check their arguments and return the order instead of running it.

    For it, each call's answer is the order itself.
    """

    def __init__(self) -> None:
        """Take no store: nothing is run."""

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what is more than one command, or none: it needs a part that is not here."""
        raise InvalidValue("call", "should be one command; others can't run in bulk")

    def run(self, command: Command[R], context: Context) -> R:
        """Return the command with its context."""
        if context.get("transaction") is not None:
            raise InvalidValue("transaction", "is given to the bulk, not to each call")
        check_names(context, CONTEXT)  # of several together only the first one's counts
        return cast("R", Order(command, context))


def calls_in(calls: object) -> Iterator[Call]:
    """Yield calls as they are; raises InvalidValue for what is no collection of them."""
    if not isinstance(calls, Iterable):
        raise InvalidValue("calls", "should be a collection of functions")
    for call in cast("Iterable[object]", calls):
        if not callable(call):
            raise InvalidValue("calls", "should be functions of a Personalization")
        yield cast("Call", call)


def order_of(call: Call) -> Order:
    """Return the order that a call builds; raises the error that refuses its arguments."""
    built: object = call(OrderBuilder())
    if not isinstance(built, Order):
        raise InvalidValue("call", "should return the answer of one command")
    return built


def order_or_refusal(call: Call) -> Order | AddresseeError:
    """Return the order that a call builds, or the error that refuses its arguments."""
    try:
        return order_of(call)
    except AddresseeError as refusal:
        return refusal
