"""Every way in which a request is refused, in the shape that its caller reads."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse, Response
from starlette.types import Scope

from addressee.domain import (
    AddresseeError,
    Conflict,
    Forbidden,
    InvalidValue,
    NoRegistration,
    StoreDamaged,
    StoreError,
    UnknownApplication,
    UnknownPerson,
)

UNAVAILABLE = 503
HEADERS = {401: {"WWW-Authenticate": "App"}, 429: {"Retry-After": "1"}, 503: {"Retry-After": "1"}}
SDK_CODES = {
    # An SDK drops what it could not save only for the codes that it knows.
    "LIMIT_EXCEEDED": "REQUEST_FORMAT_INVALID",
    "DEVICE_LIMIT_REACHED": "PERSONALIZATION_IMPOSSIBLE",
}


class Refused(Exception):  # an answer on its way to the caller
    """A request that no command has seen.

    Args:
        status: the HTTP status.
        code: what is wrong, in a form that never changes.
        text: the same for people.
        number: the number that backends of the vendor's API expect for it, if they expect one.
    """

    def __init__(self, status: int, code: str, text: str, number: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.number = number


def refused(error: AddresseeError) -> Refused:
    """Return a command's refusal as an answer of `/v1`."""
    match error:
        case InvalidValue():
            status = 400
        case NoRegistration() | UnknownPerson() | UnknownApplication():
            status = 404
        case Forbidden():
            status = 403
        case StoreDamaged():
            return Refused(500, error.code, "what the store holds can't be read")
        case StoreError():
            # What a driver says may name hosts and files; it goes to the log.
            return Refused(UNAVAILABLE, error.code, "the store does not answer; try again")
        case Conflict():
            return Refused(UNAVAILABLE, error.code, "others were faster again and again; try again")
        case _:
            status = 409
    return Refused(status, error.code, str(error))


def vendor_answer(refusal: Refused | AddresseeError, *, backend: bool = False) -> Response:
    """Return a refusal in the vendor's shape, always with its length, for SDKs read no other.

    Args:
        refusal: why.
        backend: whether the caller is a backend, which reads numbers for what it names wrongly.
    """
    if isinstance(refusal, AddresseeError):
        code, text = SDK_CODES.get(refusal.code, refusal.code), str(refusal)
        refusal = refused(refusal)
        if backend and code == "NO_REGISTRATION":
            refusal.number, refusal.text = 48013, "Push registration not found"
        if refusal.status in {404, 409}:
            # The status of these is nowhere documented, and 400 is what clients have met.
            refusal.status = 400
        if refusal.status < 500:  # noqa: PLR2004 # the server's own failures begin there
            refusal.code = code
            refusal.text = refusal.text if refusal.number else text
    headers = HEADERS.get(refusal.status)
    if refusal.status == UNAVAILABLE and not backend:
        # An SDK tries again only where the body names no code.
        return JSONResponse({}, UNAVAILABLE, headers)
    if refusal.number is not None:
        told: dict[str, Any] = {"errorCode": refusal.number, "errorMessage": refusal.text}
        return JSONResponse(told, refusal.status, headers)
    exception = {"messageId": refusal.code, "text": refusal.text}
    return JSONResponse({"requestError": {"serviceException": exception}}, refusal.status, headers)


def problem_answer(refusal: Refused | AddresseeError) -> Response:
    """Return a refusal as problem details (RFC 9457)."""
    field = refusal.field if isinstance(refusal, InvalidValue) else None
    if isinstance(refusal, AddresseeError):
        refusal = refused(refusal)
    told = {
        "type": f"urn:addressee:{refusal.code.lower().replace('_', '-')}",
        "title": refusal.code.replace("_", " ").capitalize(),
        "status": refusal.status,
        "detail": refusal.text,
        "code": refusal.code,
    }
    return JSONResponse(
        told if field is None else {**told, "field": field},
        refusal.status,
        HEADERS.get(refusal.status),
        "application/problem+json",
    )


def answer(scope: Scope, refusal: Refused | AddresseeError) -> Response:
    """Return a refusal in the shape that callers of a path read, wherever the app is mounted."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    if path.startswith("/v1"):
        return problem_answer(refusal)
    return vendor_answer(refusal, backend=path.startswith("/people"))
