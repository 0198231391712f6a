"""Events of a person alone."""

from __future__ import annotations

from typing import Annotated, Literal

from ..person_identifiers import Identifier, Kind
from .base import PERSONAL, PersonalValues, PersonEvent

PersonType = Literal["LEAD", "CUSTOMER"]


class PersonCreated(PersonEvent):
    """A person was created, as a lead or a customer."""

    TOPIC = "addressee.PersonCreated"

    type: PersonType


class PersonPromoted(PersonEvent):
    """A lead became a customer (R16)."""

    TOPIC = "addressee.PersonPromoted"


class PersonExported(PersonEvent):
    """The data of the person was handed out (GDPR, articles 15 and 20); not what it was.

    Args:
        application: the only application whose installations it included; None for all.
    """

    TOPIC = "addressee.PersonExported"

    application: str | None = None


class PersonUpdated(PersonEvent):
    """Attributes changed; None removes, a missing name changes nothing (R15)."""

    TOPIC = "addressee.PersonUpdated"

    attributes: PersonalValues


class PersonTagged(PersonEvent):
    """Tags of the person changed (R28)."""

    TOPIC = "addressee.PersonTagged"

    added: Annotated[tuple[str, ...], PERSONAL] = ()
    removed: Annotated[tuple[str, ...], PERSONAL] = ()


class IdentifierAdded(PersonEvent):
    """The person received an identifier (R12)."""

    TOPIC = "addressee.IdentifierAdded"

    kind: Kind
    value: Annotated[str, PERSONAL]

    @property
    def identifier(self) -> Identifier:
        """The identifier in its compared form."""
        return Identifier(self.kind, self.value)


class IdentifierRemoved(IdentifierAdded):
    """The person lost an identifier."""

    TOPIC = "addressee.IdentifierRemoved"
