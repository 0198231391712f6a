"""Error responses, in the format that the caller reads."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import JSONResponse, Response
from starlette.types import Scope

from addressee.domain import (
    AddresseeError,
    Conflict,
    Forbidden,
    InvalidValue,
    MergeOutdated,
    NoRegistration,
    StoreDamaged,
    StoreError,
    StoreFollows,
    StoreNotSealed,
    UnknownApplication,
    UnknownDispatch,
    UnknownMerge,
    UnknownPerson,
    UnknownSink,
)

UNAVAILABLE = 503
SERVER_ERRORS = 500
"""From here on the request is not to blame."""
HEADERS = {401: {"WWW-Authenticate": "App"}, 429: {"Retry-After": "1"}, 503: {"Retry-After": "1"}}
ACTIONS = {
    400: "Check the syntax, violations and adjust the request.",
    401: "Check the resources and adjust authentication credentials.",
    403: "Repeat the request with new or different credentials.",
    429: "Repeat the request later.",
    503: "Repeat the request later.",
}
"""What the vendor's API for sending advises, by status."""
SDK_CODES = {
    # An SDK drops unsaved data only for the codes that it knows.
    "LIMIT_EXCEEDED": "REQUEST_FORMAT_INVALID",
    "DEVICE_LIMIT_REACHED": "PERSONALIZATION_IMPOSSIBLE",
}


class Refused(Exception):  # it becomes the response
    """A request is refused before any command runs.

    Args:
        status: the HTTP status.
        code: stable name of the error.
        text: description for people.
        number: number of the error in the vendor's backend API, if it has one.
    """

    def __init__(self, status: int, code: str, text: str, number: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.number = number


def refusal_of(error: AddresseeError) -> Refused:
    """Return the status, code and text of a command's error in `/v1`."""
    match error:
        case InvalidValue():
            status = 400
        case (
            NoRegistration()
            | UnknownPerson()
            | UnknownMerge()
            | UnknownApplication()
            | UnknownDispatch()
            | UnknownSink()
        ):
            status = 404
        case Forbidden():
            status = 403
        case MergeOutdated():
            status = 409
        case StoreDamaged():
            return Refused(500, error.code, "the content of the store can't be read")
        case StoreNotSealed():
            status = 409
        case StoreFollows():
            status = UNAVAILABLE  # devices keep their data until it is promoted
        case StoreError():
            # A driver's message may name hosts and files; it belongs in the log.
            return Refused(UNAVAILABLE, error.code, "the store does not answer; try again")
        case Conflict():
            return Refused(
                UNAVAILABLE, error.code, "other writers won the race each time; try again"
            )
        case _:
            status = 409
    return Refused(status, error.code, str(error))


def vendor_error(refusal: Refused | AddresseeError, *, backend: bool = False) -> Response:
    """Return an error in the vendor's format, always with Content-Length: SDKs need it.

    Args:
        refusal: the error.
        backend: whether the caller is a backend, which expects numbers for some errors.
    """
    if isinstance(refusal, AddresseeError):
        code, text = SDK_CODES.get(refusal.code, refusal.code), str(refusal)
        refusal = refusal_of(refusal)
        if backend and code == "NO_REGISTRATION":
            refusal.number, refusal.text = 48013, "Push registration not found"
        if refusal.status in {404, 409}:
            # The vendor documents no status for these; its clients expect 400.
            refusal.status = 400
        if refusal.status < 500:  # noqa: PLR2004 # server errors start here
            refusal.code = code
            refusal.text = refusal.text if refusal.number else text
    headers = HEADERS.get(refusal.status)
    if refusal.status == UNAVAILABLE and not backend:
        # An SDK retries only if the body has no code.
        return JSONResponse({}, UNAVAILABLE, headers)
    if refusal.number is not None:
        return numbered(refusal, headers)
    exception = {"messageId": refusal.code, "text": refusal.text}
    return JSONResponse({"requestError": {"serviceException": exception}}, refusal.status, headers)


def push_error(refusal: Refused | AddresseeError) -> Response:
    """Return an error in the format of the vendor's API for sending, or a number if it has one."""
    violations: list[dict[str, str]] = []
    if isinstance(refusal, InvalidValue):
        violations.append({"property": refusal.field, "violation": refusal.problem})
    if isinstance(refusal, AddresseeError):
        refusal = refusal_of(refusal)
        if refusal.status in {404, 409}:
            refusal.status = 400
    headers = HEADERS.get(refusal.status)
    if refusal.number is not None:
        return numbered(refusal, headers)
    body = {
        "errorCode": f"E{refusal.status}",
        "description": refusal.text,
        "action": ACTIONS.get(refusal.status, ""),
        "violations": violations,
        "resources": [],
    }
    return JSONResponse(body, refusal.status, headers)


def numbered(refusal: Refused, headers: Mapping[str, str] | None) -> Response:
    """Return an error that the vendor's backend APIs give a number."""
    body = {"errorCode": refusal.number, "errorMessage": refusal.text}
    return JSONResponse(body, refusal.status, headers)


def problem_details(refusal: Refused | AddresseeError) -> Response:
    """Return an error as problem details (RFC 9457)."""
    field = refusal.field if isinstance(refusal, InvalidValue) else None
    if isinstance(refusal, AddresseeError):
        refusal = refusal_of(refusal)
    body = {
        "type": f"urn:addressee:{refusal.code.lower().replace('_', '-')}",
        "title": refusal.code.replace("_", " ").capitalize(),
        "status": refusal.status,
        "detail": refusal.text,
        "code": refusal.code,
    }
    return JSONResponse(
        body if field is None else {**body, "field": field},
        refusal.status,
        HEADERS.get(refusal.status),
        "application/problem+json",
    )


def error_response(scope: Scope, refusal: Refused | AddresseeError) -> Response:
    """Return an error in the format of the API at the request's path, also when mounted."""
    path = path_of(scope)
    if path.startswith("/v1"):
        return problem_details(refusal)
    if path.startswith("/push"):
        return push_error(refusal)
    return vendor_error(refusal, backend=path.startswith("/people"))


def path_of(scope: Scope) -> str:
    """Return the path of a request within the application, also when it is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
