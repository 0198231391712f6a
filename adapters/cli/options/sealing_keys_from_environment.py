"""The keys of a sealed store, as the environment names them."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from addressee.adapters.sql.engine.engine_factory import file_of
from addressee.domain import InvalidValue, StoreUnavailable

if TYPE_CHECKING:
    from addressee.adapters.keys import SqlKeyStore

URL, FILE = "ADDRESSEE_KEYS", "ADDRESSEE_WRAPPING_KEY"
HINT = f"set {URL}, the URL of its key store, and {FILE}, a file"


@contextmanager
def given_keys(*, create: bool = False, place: str | None = None) -> Generator[SqlKeyStore | None]:
    """Open the key store that the environment names, to be closed at the block's end.

    Args:
        create: make its SQLite file if it is missing.
        place: the URL of a new one that takes its place, with the same wrapping keys.
    """
    keys = named_keys(create=create, place=place)
    with nullcontext() if keys is None else keys as opened:
        yield opened


def named_keys(*, create: bool = False, place: str | None = None) -> SqlKeyStore | None:
    """Return the key store that the environment names, None where it names none.

    ``ADDRESSEE_KEYS`` is the URL of its database, ``ADDRESSEE_WRAPPING_KEY`` a file with the
    wrapping key in hexadecimal digits, and below it those that it has replaced, one a line.

    Args:
        create: make its SQLite file if it is missing.
        place: the URL of a new one that takes its place, with the same wrapping keys.

    Raises:
        InvalidValue: only one of the two is there; the URL or the file can't be read; what sealing
            takes is not installed.
        StoreUnavailable: the database can't be opened, or is a file that is missing.
    """
    url, file = os.environ.get(URL), os.environ.get(FILE)
    if not url and not file:
        return None
    if not url or not file:
        raise InvalidValue("keys", f"need both {URL} and {FILE}")
    try:
        from addressee.adapters.keys import SqlKeyStore  # noqa: PLC0415 # an extra
    except ImportError:
        raise InvalidValue("keys", "need more: pip install 'addressee[sealing]'") from None
    newest, *retired = wrapping_keys(Path(file))
    missing = file_of(url)
    if not create and place is None and missing is not None and not missing.exists():
        raise StoreUnavailable(f"there is no key store at {missing}")
    return SqlKeyStore(place or url, wrapping_key=newest, retired=retired)


def wrapping_keys(path: Path) -> list[bytes]:
    """Return the wrapping keys in a file, the newest first; raises InvalidValue."""
    try:
        found = [bytes.fromhex(line) for line in path.read_text(encoding="ascii").split()]
    except OSError as error:
        raise InvalidValue(FILE, f"{path} can't be read: {error.strerror}") from None
    except ValueError:
        raise InvalidValue(FILE, f"{path} should hold hexadecimal digits") from None
    if not found:
        raise InvalidValue(FILE, f"{path} is empty")
    return found
