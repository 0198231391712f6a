"""Errors of a store as a whole; a part of the tree in errors.py.

StoreError
├── StoreUnavailable
├── StoreOutdated
├── StoreNotEmpty
├── StoreSealed
├── StoreNotSealed
├── StoreFollows
├── ErasureForgotten
├── IdentifierKeyOutdated
└── StoreDamaged
    └── KeyMissing
InvalidValue
├── LedgerFileInvalid
├── LedgerStreamInvalid
├── IdentifierKeyWrong
└── WrappingKeyWrong
"""

from __future__ import annotations

from .errors import AddresseeError, InvalidValue


class StoreError(AddresseeError):
    """A store failed; nothing was recorded."""

    code = "STORE_ERROR"


class StoreUnavailable(StoreError):
    """A store can't be reached or opened, or is too busy; the call may be retried."""

    code = "STORE_UNAVAILABLE"


class StoreOutdated(StoreError):
    """A store's tables are of an earlier release; `addressee migrate` updates them.

    Args:
        revision: the tables' last migration.
        needed: the migration that this release needs.
    """

    code = "STORE_OUTDATED"

    def __init__(self, revision: str, needed: str) -> None:
        super().__init__(f"tables are at {revision}, {needed} is needed: run `addressee migrate`")
        self.revision = revision
        self.needed = needed


class StoreDamaged(StoreError):
    """The content of a store can't be read or contradicts itself."""

    code = "STORE_DAMAGED"


class StoreNotEmpty(StoreError):
    """A store has events where an empty one is needed."""

    code = "STORE_NOT_EMPTY"

    def __init__(self) -> None:
        super().__init__("the store has events already; a ledger is imported into an empty one")


class StoreSealed(StoreError):
    """The personal data of a store or a file is sealed, and no keys were given."""

    code = "STORE_SEALED"

    def __init__(self) -> None:
        super().__init__("personal data is sealed; open the store with its `keys`")


class StoreNotSealed(StoreError):
    """Keys were given for, or an erasure asked of, a store that has personal data in clear."""

    code = "STORE_NOT_SEALED"

    def __init__(self) -> None:
        super().__init__(
            "personal data is in clear; export it, and import it into a new store with `keys`"
        )


class StoreFollows(StoreError):
    """A store follows the ledger of another one, and takes no commands until it is promoted."""

    code = "STORE_FOLLOWS"

    def __init__(self) -> None:
        super().__init__(
            "the store follows another one's ledger: send commands there, or promote this one"
        )


class ErasureForgotten(StoreError):
    """Keys of a ledger were destroyed by an erasure that it does not know: it was restored.

    Args:
        persons: of how many persons.
        installations: of how many installations, by what they told to nobody.
    """

    code = "ERASURE_FORGOTTEN"

    def __init__(self, persons: int, installations: int = 0) -> None:
        super().__init__(
            f"the keys of {persons} persons and {installations} installations are destroyed, and"
            " the ledger knows no erasure: it was restored from a backup; `addressee erase"
            " --restored` erases them again"
        )
        self.persons, self.installations = persons, installations


class IdentifierKeyOutdated(StoreError):
    """The store's identifier key was replaced since it was opened, or it was opened with another.

    Nobody can be found under this one any more, and nothing may be recorded under it.
    """

    code = "IDENTIFIER_KEY_OUTDATED"

    def __init__(self) -> None:
        super().__init__(
            "the identifier key was replaced: open the store again, with the new key where the "
            "host gives it"
        )


class KeyMissing(StoreDamaged):
    """A key is not in the key store, and no erasure has destroyed it.

    Args:
        sealed: what it sealed: a stream, or the part of the store.
    """

    code = "KEY_MISSING"

    def __init__(self, sealed: str) -> None:
        super().__init__(f"the key of {sealed} is not in the key store, and was never destroyed")
        self.sealed = sealed


class LedgerFileInvalid(InvalidValue):
    """A file is not an exported ledger, or not a complete one; nothing was imported.

    Args:
        place: the place in the file, such as ``line 17``.
        problem: the problem there.
    """

    code = "LEDGER_FILE_INVALID"

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"ledger file, {place}:", problem)
        self.place = place


class LedgerStreamInvalid(InvalidValue):
    """A stream does not go on with the ledger that a store follows; nothing of it was taken.

    Args:
        place: the place in the stream, such as ``message 17``.
        problem: the problem there.
    """

    code = "LEDGER_STREAM_INVALID"

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"ledger stream, {place}:", problem)
        self.place = place


class IdentifierKeyWrong(InvalidValue):
    """A ledger's identifiers were hashed with another key than the given one (R5)."""

    code = "IDENTIFIER_KEY_WRONG"

    def __init__(self) -> None:
        super().__init__("identifier key", "is not the key that the ledger was written with")


class WrappingKeyWrong(InvalidValue):
    """The keys of a key store are wrapped by another key than those that were given."""

    code = "WRAPPING_KEY_WRONG"

    def __init__(self) -> None:
        super().__init__("wrapping_key", "is not the key that the key store was written with")
