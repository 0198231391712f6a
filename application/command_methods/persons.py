"""The commands about a person: devices as a whole, identifiers, attributes, tags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack

from addressee.domain import KINDS, Attributes, DepersonalizeReason, Identity, Kind, values

from .. import commands
from ..commands import TagChange
from ..unit_of_work.command_context import Context
from ..unit_of_work.results import Depersonalized, Updated
from .installations import InstallationCommands, optional_id, optional_name


class PersonCommands(InstallationCommands):
    """The part of `Personalization` that concerns what a person has."""

    def depersonalize_all(
        self,
        person: str,
        *,
        reason: DepersonalizeReason = "logout",
        **context: Unpack[Context],
    ) -> Depersonalized:
        """Unbind every installation of a person: log out everywhere (R22).

        Raises:
            UnknownPerson: nobody has that id.
        """
        command = commands.DepersonalizeAll(
            values.identifier("person", person),
            values.choice("reason", reason, DepersonalizeReason),
        )
        return self.run(command, context)

    def set_primary(
        self,
        installation: str,
        primary: bool = True,  # noqa: FBT001, FBT002 # the contract's signature
        *,
        by: str | None = None,
        ignore_anonymous: bool = False,
        of: str | None = None,
        **context: Unpack[Context],
    ) -> Updated:
        """Make an installation its person's primary one in its application, or not so (R23).

        Args:
            installation: its id.
            primary: whether it is to be.
            by: the sending installation; another one must have the same person (R21).
            ignore_anonymous: do nothing where it belongs to nobody, as SDKs expect.
            of: the person who is meant, by id or external id.

        Raises:
            NoRegistration: it is unknown or expired.
            NotPersonalized: it belongs to nobody (R25), where it is to be primary.
            OtherPerson: somebody else than the one who is meant is on it, or nobody.
            Forbidden: the installation that sends it belongs to another person.
        """
        command = commands.SetPrimary(
            values.identifier("installation", installation),
            values.flag("primary", primary),
            optional_id("by", by),
            values.flag("ignore_anonymous", ignore_anonymous),
            optional_name("of", of),
        )
        return self.run(command, context)

    def update_person(  # noqa: PLR0913 # everything that can be changed, each by its name
        self,
        installation: str,
        identity: Identity | None = None,
        *,
        remove: Identity | None = None,
        clear: Iterable[Kind] = (),
        attributes: Attributes | None = None,
        tags: Iterable[str] | None = None,
        of: str | None = None,
        **context: Unpack[Context],
    ) -> Updated:
        """Change the data of the person on an installation; a lead if it is anonymous (R27).

        Args:
            installation: its id.
            identity: identifiers to add.
            remove: identifiers to take away, where the person has them.
            clear: kinds of identifiers to take away altogether.
            attributes: overwrite the person's; None for a value removes it.
            tags: if given, replace the person's.
            of: the external id of the person who is meant, for callers that may act for one alone.

        Raises:
            NoRegistration: it is unknown or expired.
            OtherPerson: somebody else than the one who is meant is on it, or nobody.
            UserMergeInterrupted: an identifier belongs to another person, or the person has another
                external id.
        """
        command = commands.UpdatePerson(
            values.identifier("installation", installation),
            Identity() if identity is None else values.instance("identity", identity, Identity),
            Identity() if remove is None else values.instance("remove", remove, Identity),
            frozenset(
                values.choice("clear", kind, Kind)
                for kind in values.items("clear", clear, len(KINDS))
            ),
            values.attributes("attributes", attributes, values.PERSON_ATTRIBUTE_LIMITS),
            None if tags is None else values.tags("tags", tags),
            optional_name("of", of),
        )
        return self.run(command, context)

    def tag(
        self,
        person: str,
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
        replace: Iterable[str] | None = None,
        **context: Unpack[Context],
    ) -> Updated:
        """Change a person's tags; a name that is added and removed goes (R28).

        Args:
            person: the person's id.
            add: names to add.
            remove: names to remove.
            replace: if given, what the tags are afterwards; ``add`` and ``remove`` don't count.

        Raises:
            UnknownPerson: nobody has that id.
        """
        change = TagChange.checked(add, remove, replace)
        command = commands.TagPerson(values.identifier("person", person), change)
        return self.run(command, context)
