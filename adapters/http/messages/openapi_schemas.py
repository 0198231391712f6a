"""What OpenAPI says of bodies that we read ourselves, because SDKs send more than is known."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": ["string", "null"]}
FLAG: Schema = {"type": "boolean"}
ATTRIBUTES: Schema = {
    "type": ["object", "null"],
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}
TAGS: Schema = {
    "type": ["array", "null"],
    "items": {"type": "string", "minLength": 1, "maxLength": 256},
}


def list_of(key: str) -> Schema:
    """Return the schema of a list of objects with one key."""
    item = {"type": "object", "properties": {key: {"type": "string"}}, "required": [key]}
    return {"type": ["array", "null"], "maxItems": 100, "items": item}


IDENTITY = {
    "externalUserId": {**TEXT, "maxLength": 256},
    "phones": list_of("number"),
    "emails": list_of("address"),
}
PERSON = {
    "firstName": {**TEXT, "maxLength": 255},
    "lastName": {**TEXT, "maxLength": 255},
    "middleName": {**TEXT, "maxLength": 50},
    "gender": TEXT,
    "birthday": {**TEXT, "format": "date"},
    "tags": TAGS,
    "customAttributes": ATTRIBUTES,
}
TEXT_FACTS = (
    "sdkVersion",
    "appVersion",
    "os",
    "osVersion",
    "deviceManufacturer",
    "deviceModel",
    "language",
    "deviceTimezoneOffset",
    "applicationUserId",
    "deviceName",
    "pushServiceType",
    "pushServiceToken",
)
INSTANCE: Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(TEXT_FACTS, TEXT),
        "regEnabled": FLAG,
        "notificationsEnabled": FLAG,
        "deviceSecure": FLAG,
        "isPrimary": FLAG,
        "customAttributes": ATTRIBUTES,
    },
}
USER: Schema = {"type": "object", "properties": {**IDENTITY, **PERSON}}
SIGN_IN: Schema = {
    "type": "object",
    "properties": {
        "userIdentity": {"type": "object", "properties": IDENTITY},
        "userAttributes": {"type": ["object", "null"], "properties": PERSON},
    },
    "required": ["userIdentity"],
}
INSTANCE_TOLD: Schema = {
    "type": "object",
    "properties": {**INSTANCE["properties"], "pushRegId": {"type": "string"}},
    "required": ["pushRegId", "regEnabled", "notificationsEnabled", "isPrimary"],
}
USER_TOLD: Schema = {
    "type": "object",
    "properties": {
        **USER["properties"],
        "type": {"enum": ["LEAD", "CUSTOMER"]},
        "instances": {"type": "array", "items": INSTANCE_TOLD},
    },
    "required": ["type"],
}
REGISTRATION_TOLD: Schema = {
    "type": "object",
    "properties": {
        "registrationId": {"type": "string"},
        "applicationId": {"type": "string"},
        "isPrimary": FLAG,
        "systemData": {"type": "object", "required": ["registrationEnabled"]},
        "additionalData": ATTRIBUTES,
    },
    "required": ["registrationId", "applicationId", "isPrimary", "systemData"],
}
CONTACT_TOLD: Schema = {
    "type": "object",
    "properties": {
        **PERSON,
        "type": {"enum": ["LEAD", "CUSTOMER"]},
        "externalId": {"type": "string"},
        "contactInformation": {
            "type": "object",
            "properties": {
                "phones": list_of("number"),
                "emails": list_of("address"),
                "push": {"type": "array", "items": REGISTRATION_TOLD},
            },
            "required": ["phones", "emails"],
        },
    },
    "required": ["type", "contactInformation"],
}
REPORT: Schema = {"type": "object"}
CONTACT_UPDATE: Schema = {
    "type": "object",
    "properties": {
        "isPrimary": FLAG,
        "systemData": {
            "type": "object",
            "properties": {"registrationEnabled": FLAG},
        },
        "additionalData": ATTRIBUTES,
    },
}
CONTACT_SIGN_IN: Schema = {
    "type": "object",
    "properties": {
        "identity": {
            "type": "object",
            "properties": {"externalId": TEXT, "email": TEXT, "phoneNumber": TEXT},
        },
        "attributes": {"type": ["object", "null"], "properties": PERSON},
    },
    "required": ["identity"],
}

VENDOR_ERROR: Schema = {
    "anyOf": [
        {"type": "object", "required": ["requestError"]},
        {"type": "object", "required": ["errorCode", "errorMessage"]},
        {"type": "object", "maxProperties": 0},
    ]
}
PROBLEM: Schema = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "field": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail", "code"],
}
STATUSES = {
    400: "The request is refused; the code says why.",
    401: "The credential is missing or not good.",
    403: "The credential does not allow this.",
    404: "There is no such thing.",
    409: "What is recorded stands against it; the code says what.",
    413: "The body is larger than is read.",
    429: "Too many requests a second.",
    503: "The store does not answer; try again.",
}


def takes(schema: Schema, *, required: bool = True) -> Schema:
    """Return what OpenAPI says of an operation's body."""
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": required, "content": content}}


def tells(schema: Schema) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of an operation's answer."""
    content = {"application/json": {"schema": schema}}
    return {200: {"description": "Done.", "content": content}}


def refusals(schema: Schema, media_type: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of an operation's refusals."""
    return {
        status: {
            "description": STATUSES[status],
            "content": {media_type: {"schema": schema}},
        }
        for status in statuses
    }


VENDOR = refusals(VENDOR_ERROR, "application/json", 400, 401, 403, 404, 413, 429, 503)
PROBLEMS = refusals(PROBLEM, "application/problem+json", 400, 401, 403, 404, 409, 413, 429, 503)
EMPTY: dict[int | str, dict[str, Any]] = {200: {"description": "Done.", "content": {}}}
