"""The pages, each a function from a visit to a response."""

from __future__ import annotations

from ..page_route import Page
from . import (
    audience,
    find,
    installation,
    merging,
    oidc_sign_in,
    operations,
    person,
    pushes,
    rights,
    sign_in,
)

PAGES: tuple[Page, ...] = (
    *sign_in.PAGES,
    *oidc_sign_in.PAGES,
    *find.PAGES,
    *person.PAGES,
    *installation.PAGES,
    *merging.PAGES,
    *rights.PAGES,
    *audience.PAGES,
    *pushes.PAGES,
    *operations.PAGES,
)
