"""The keys of a sealed ledger, in a file beside the ledger's own."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from addressee.adapters.private_file import private_file
from addressee.adapters.sql import SqlStore
from addressee.application import Heading, Sink
from addressee.domain import StoreNotSealed, StoreSealed

from .files import opened

if TYPE_CHECKING:
    from addressee.adapters.keys import MemoryKeyStore, SqlKeyStore
    from addressee.adapters.keys.key_export import KeySink

MakeSink = Callable[[Heading], AbstractContextManager[Sink]]


@contextmanager
def keys_beside(make: MakeSink, path: Path, store: SqlStore) -> Generator[MakeSink]:
    """Yield what makes the sink of an export; write the keys that it has met at the block's end.

    Args:
        make: makes the sink without.
        path: the file for the keys, which only its owner may read.
        store: whose ledger is exported.

    Raises:
        StoreNotSealed, StoreSealed: the store has no keys, or was opened without.
        InvalidValue: the file is there already, or can't be written.
    """
    if store.sealed_as is None:
        raise StoreNotSealed
    keys = sql_keys(store)
    from addressee.adapters.keys.key_export import KeySink, write_keys  # noqa: PLC0415 # an extra

    made: list[KeySink] = []

    @contextmanager
    def noted(heading: Heading) -> Generator[Sink]:
        with make(heading) as sink:
            made.append(KeySink(sink))
            yield made[-1]

    with private_file(path) as file:
        yield noted
        write_keys(file, keys, {key for sink in made for key in sink.ids})


def take_keys(path: Path, store: SqlStore) -> None:
    """Add the keys in a file to those of a store, before its ledger is imported.

    Raises:
        InvalidValue, WrappingKeyWrong: the file can't be read, or is another wrapping key's.
        StoreSealed: the store has no keys.
    """
    keys = sql_keys(store)
    copy_keys(path, keys, keys)


def trial_keys(path: Path, wrapping: SqlKeyStore) -> MemoryKeyStore:
    """Return the keys in a file, for a trial that writes none; errors as for `take_keys`.

    Args:
        path: the file.
        wrapping: has the wrapping key.
    """
    from addressee.adapters.keys import MemoryKeyStore  # noqa: PLC0415 # an extra

    found = MemoryKeyStore()
    copy_keys(path, wrapping, found)
    return found


def copy_keys(path: Path, wrapping: SqlKeyStore, to: MemoryKeyStore | SqlKeyStore) -> None:
    """Put the keys in a file into a key store, unwrapped by another one or the same."""
    from addressee.adapters.keys.key_export import read_keys  # noqa: PLC0415 # an extra

    with opened(path, "rb") as file:
        for page in read_keys(file, wrapping):
            to.put(page)


def sql_keys(store: SqlStore) -> SqlKeyStore:
    """Return the keys that a store was opened with; raises StoreSealed for none."""
    if store.keys is None:
        raise StoreSealed
    return cast("SqlKeyStore", store.keys)  # the command line has no others
