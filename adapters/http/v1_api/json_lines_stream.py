"""Streams of JSON lines, a page at a time, with an end mark."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Annotated, Any, TypeVar

from fastapi import Header
from fastapi.responses import Response, StreamingResponse

from ..load.places import Places
from ..load.share import Share

T = TypeVar("T")
PAGE = 1_000
"""Number of lines in one chunk of a stream."""
NDJSON, PLAIN = "application/x-ndjson", "text/plain"
Accept = Annotated[str, Header(alias="Accept", include_in_schema=False)]
LINES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One JSON object a line, in registration order; the last line has `end` "
        "and the number of `installations`. A response without it was cut off.",
        "content": {
            PLAIN: {"schema": {"type": "string"}},
            NDJSON: {"schema": {"type": "string"}},
        },
    }
}


async def streamed(
    find: Callable[[], Iterator[T]],
    content: Callable[[T], Mapping[str, object]],
    places: Places,
    share: Share,
    accept: str,
) -> Response:
    """Return a response that streams what is found.

    Args:
        find: returns what is found, read from the store page by page.
        content: returns the JSON object of one line.
        places: where pages are read.
        share: the caller's.
        accept: the request's header; ``text/plain`` is for clients that know no JSON lines.
    """

    def start() -> tuple[list[T], Iterator[T]]:
        found = find()
        return list(islice(found, PAGE)), found

    # The first page is read before the response starts, so that an error can still be one.
    first, found = await places.run(share, start)
    media_type = PLAIN if PLAIN in accept else NDJSON
    return StreamingResponse(
        lines(first, found, content, partial(places.run, share, patient=True)),
        media_type=media_type,
    )


async def lines(
    page: list[T],
    found: Iterator[T],
    content: Callable[[T], Mapping[str, object]],
    run: Callable[..., Any],
) -> AsyncIterator[str]:
    """Yield what was found as JSON lines, one page at a time, and the end mark."""

    def following() -> list[T]:
        return list(islice(found, PAGE))

    number = 0
    while page:
        number += len(page)
        yield "".join(json.dumps(content(each)) + "\n" for each in page)
        page = await run(following)
    yield json.dumps({"end": True, "installations": number}) + "\n"
