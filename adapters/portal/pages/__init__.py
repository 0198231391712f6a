"""The pages, each a function from a visit to a response."""

from __future__ import annotations

from ..page import Page
from . import (
    audience,
    find,
    installation,
    merging,
    operations,
    person,
    provider,
    pushes,
    rights,
    sign_in,
)

PAGES: tuple[Page, ...] = (
    *sign_in.PAGES,
    *provider.PAGES,
    *find.PAGES,
    *person.PAGES,
    *installation.PAGES,
    *merging.PAGES,
    *rights.PAGES,
    *audience.PAGES,
    *pushes.PAGES,
    *operations.PAGES,
)
