"""OpenAPI schemas of the bodies that no model describes: SDKs send further fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

TEXT: Schema = {"type": ["string", "null"]}
FLAG: Schema = {"type": "boolean"}
SCALAR = ["string", "number", "boolean"]
FLAT_OBJECT: Schema = {"type": "object", "additionalProperties": {"type": SCALAR}}
ATTRIBUTES: Schema = {
    "type": ["object", "null"],
    "additionalProperties": {"type": [*SCALAR, "array", "null"], "items": FLAT_OBJECT},
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
INSTANCE_RESPONSE: Schema = {
    "type": "object",
    "properties": {**INSTANCE["properties"], "pushRegId": {"type": "string"}},
    "required": ["pushRegId", "regEnabled", "notificationsEnabled", "isPrimary"],
}
USER_RESPONSE: Schema = {
    "type": "object",
    "properties": {
        **USER["properties"],
        "type": {"enum": ["LEAD", "CUSTOMER"]},
        "instances": {"type": "array", "items": INSTANCE_RESPONSE},
    },
    "required": ["type"],
}
REGISTRATION_RESPONSE: Schema = {
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
CONTACT_RESPONSE: Schema = {
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
                "push": {"type": "array", "items": REGISTRATION_RESPONSE},
            },
            "required": ["phones", "emails"],
        },
    },
    "required": ["type", "contactInformation"],
}
PUSH_RESPONSE: Schema = {
    "type": "object",
    "properties": {
        "bulkId": {"type": "string"},
        "messages": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "messageId": {"type": "string"},
                    "status": {
                        "type": "object",
                        "required": ["groupId", "groupName", "id", "name"],
                    },
                    "destination": {"type": "string"},
                },
                "required": ["messageId", "status", "destination"],
            },
        },
    },
    "required": ["bulkId", "messages"],
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
        {"type": "object", "required": ["errorCode", "description", "violations"]},
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
    400: "The request is invalid; the code says why.",
    401: "The credential is missing or invalid.",
    403: "The credential does not permit this.",
    404: "Not found.",
    409: "The recorded state does not permit this; the code says why.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body has a content encoding.",
    429: "Too many requests a second or at once.",
    503: "The store does not answer; try again.",
}


def request_body(schema: Schema, *, required: bool = True) -> Schema:
    """Return the OpenAPI description of a request body."""
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": required, "content": content}}


def model_body(model: type[BaseModel]) -> Schema:
    """Return the OpenAPI description of a request body that a model reads."""
    whole = model.model_json_schema()
    schema: Schema = inlined(whole, whole.pop("$defs", {}))
    return request_body(schema)


def inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:  # noqa: ANN401 # any JSON
    """Return a schema with its references resolved: OpenAPI keeps definitions elsewhere.

    Titles of definitions go: generators of clients name a class for each and need them unique.
    """
    if isinstance(schema, list):
        return [inlined(each, definitions) for each in schema]  # pyright: ignore[reportUnknownVariableType] # any JSON
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        definition = dict(definitions[str(schema["$ref"]).rpartition("/")[2]])  # pyright: ignore[reportUnknownArgumentType] # any JSON
        definition.pop("title", None)
        return inlined(definition, definitions)
    return {key: inlined(value, definitions) for key, value in schema.items()}  # pyright: ignore[reportUnknownVariableType] # any JSON


def response_body(schema: Schema) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of a successful response."""
    content = {"application/json": {"schema": schema}}
    return {200: {"description": "Done.", "content": content}}


def error_responses(
    schema: Schema, media_type: str, *statuses: int
) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI descriptions of error responses."""
    return {
        status: {
            "description": STATUSES[status],
            "content": {media_type: {"schema": schema}},
        }
        for status in statuses
    }


VENDOR = error_responses(
    VENDOR_ERROR, "application/json", 400, 401, 403, 404, 408, 413, 415, 429, 503
)
PROBLEMS = error_responses(
    PROBLEM, "application/problem+json", 400, 401, 403, 404, 409, 413, 429, 503
)
EMPTY: dict[int | str, dict[str, Any]] = {200: {"description": "Done.", "content": {}}}
