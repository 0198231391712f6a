"""The pages, each a function from a visit to a response."""

from __future__ import annotations

from . import find, installation, person, sign_in
from .page import Answer, Page

PAGES: tuple[Page, ...] = (
    *sign_in.PAGES,
    *find.PAGES,
    *person.PAGES,
    *installation.PAGES,
)

__all__ = ["PAGES", "Answer", "Page"]
