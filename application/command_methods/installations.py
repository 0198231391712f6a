"""The commands about an installation itself, and about segments."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar, Unpack, cast

from addressee.domain import (
    AddresseeError,
    ExpiryReason,
    Expression,
    InvalidValue,
    LimitExceeded,
    as_expression,
    limits,
    values,
)

from .. import commands
from ..commands import Reported, TagChange, context_of, report_of
from ..execution.command_runner import Execution, Order
from ..unit_of_work.command_context import Context
from ..unit_of_work.results import Depersonalized, Merged, Personalized, Registered, Updated

R = TypeVar("R", Registered, Personalized, Depersonalized, Updated, Merged)


class Options(Context, Reported):
    """Facts that a device reports, and the context of the command."""


class InstallationCommands:
    """The half of `Personalization` that needs no person.

    Args:
        execution: runs the commands.
    """

    def __init__(self, execution: Execution) -> None:
        self.execution = execution

    def run(self, command: commands.Command[R], context: Context) -> R:
        """Run a command whose arguments were checked; the other methods build these."""
        [outcome] = self.execution.run([Order(command, context)], context.get("transaction"))
        if isinstance(outcome, AddresseeError):
            raise outcome
        return cast("R", outcome)

    def define_segment(
        self, application: str, name: str, expression: str | Expression, **context: Unpack[Context]
    ) -> Updated:
        """Give an audience a name, which others use as ``segment:name``; or the name another one.

        Args:
            application: whose segment it is.
            name: 1 to 100 characters, no colon.
            expression: the audience, which may use other segments that are defined.

        Raises:
            ExpressionInvalid: the audience can't be read, or has more than 200 levels.
            UnknownSegment: it uses a segment that is not defined.
            SegmentCycle: it would contain itself.
        """
        command = commands.DefineSegment(
            *segment_place(application, name), str(as_expression(expression))
        )
        return self.run(command, context)

    def remove_segment(self, application: str, name: str, **context: Unpack[Context]) -> Updated:
        """Take a segment's name away.

        Raises:
            UnknownSegment: it is not defined.
            SegmentInUse: other segments use it.
        """
        return self.run(commands.RemoveSegment(*segment_place(application, name)), context)

    def register(
        self, application: str, *, installation: str | None = None, **options: Unpack[Options]
    ) -> Registered:
        """Make an installation, anonymous, or bring a known one up to date (R6, R7).

        Args:
            application: its application code.
            installation: the id, if the caller owns it: then the call is idempotent on it.
            options: device facts such as ``push_token`` and ``os``, the flags ``push_enabled`` and
                ``notifications_enabled`` (true by default), ``attributes``; and the context.

        Raises:
            NoRegistration: the id is known and has expired.
        """
        command = commands.Register(
            values.identifier("application", application),
            optional_id("installation", installation),
            report_of(options),
        )
        return self.run(command, context_of(options))

    def update_installation(self, installation: str, **options: Unpack[Options]) -> Updated:
        """Record what a device reports of itself; what is not given stays (R8).

        Args:
            installation: its id.
            options: as for `register`; None for a fact or an attribute removes it.

        Raises:
            NoRegistration: it is unknown or expired.
        """
        name = values.identifier("installation", installation)
        command = commands.UpdateInstallation(name, report_of(options))
        return self.run(command, context_of(options))

    def tag_installation(
        self,
        installation: str,
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
        replace: Iterable[str] | None = None,
        **context: Unpack[Context],
    ) -> Updated:
        """Change the tags of an installation itself; arguments as for `tag` (R28).

        Raises:
            NoRegistration: it is unknown or expired.
        """
        change = TagChange.checked(add, remove, replace)
        name = values.identifier("installation", installation)
        return self.run(commands.TagInstallation(name, change), context)

    def touch(self, installation: str, **context: Unpack[Context]) -> Updated:
        """Note that an installation and its session are in use; the ledger does not grow (R26).

        Raises:
            NoRegistration: it is unknown or expired.
        """
        name = values.identifier("installation", installation)
        return self.run(commands.Touch(name), context)

    def expire(
        self, installation: str, reason: ExpiryReason, **context: Unpack[Context]
    ) -> Depersonalized:
        """Take an installation out of reach for good (R9).

        Args:
            installation: its id.
            reason: ``token_rejected`` by a push service, ``unregistered``, ``inactive`` or
                ``superseded``.

        Raises:
            NoRegistration: it is unknown or has expired already.
        """
        command = commands.Expire(
            values.identifier("installation", installation),
            values.choice("reason", reason, ExpiryReason),
        )
        return self.run(command, context)

    def expire_address(
        self, installation: str, address: str, *, since: datetime, **context: Unpack[Context]
    ) -> Depersonalized:
        """Expire an installation whose address a push service calls dead (R9, R41).

        Nothing happens, and the outcome is ``unchanged``, unless the installation still has that
        address, registered at that time: a token that was rotated meanwhile is alive.

        Args:
            installation: its id.
            address: the one that was sent to.
            since: when it was registered, as `Recipient` says.
        """
        command = commands.ExpireAddress(
            values.identifier("installation", installation),
            values.text("address", address, limits.TEXT),
            values.moment("since", since),
        )
        return self.run(command, context)


def optional_id(field: str, value: str | None) -> str | None:
    """Return ``value`` if it is None or can name an installation."""
    return None if value is None else values.identifier(field, value)


def optional_name(field: str, value: str | None) -> str | None:
    """Return ``value`` if it is None or can be an external id."""
    return None if value is None else values.text(field, value, limits.NAME, least=1)


def segment_place(application: str, name: str) -> tuple[str, str]:
    """Return an application and a segment's name; raises InvalidValue or LimitExceeded."""
    code = values.identifier("application", application)
    # Its stream has the form in which audiences compare names (R45).
    own = values.composed(values.text("name", name, limits.SEGMENT, least=1))
    if ":" in own:
        raise InvalidValue("name", "should have no colon")
    if len(code) + len(own) > limits.SEGMENT_STREAM:
        raise LimitExceeded("application and name", limits.SEGMENT_STREAM, len(code) + len(own))
    return code, own
